-- Trips that are to be travelled are counted and gone through all the time: from the index alone,
-- in its order, without their rows. A departure after a moment is on a day that ends after it.
DROP INDEX ix_trips_current_until;
CREATE INDEX ix_trips_current_until ON trips (current_until, id, departure_at, status);

-- Keys are forgotten oldest first, those that callers named later than the others.
DROP INDEX ix_idempotency_keys_created_at;
CREATE INDEX ix_idempotency_keys_named ON idempotency_keys (created_at) WHERE length(caller) > 0;
CREATE INDEX ix_idempotency_keys_internal ON idempotency_keys (created_at) WHERE length(caller) = 0;
