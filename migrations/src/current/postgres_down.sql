DROP INDEX ix_idempotency_keys_internal;
DROP INDEX ix_idempotency_keys_named;
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
DROP INDEX ix_trips_current_until;
CREATE INDEX ix_trips_current_until ON trips (current_until);
