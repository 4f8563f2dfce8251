DROP INDEX ix_trips_current_until;
CREATE INDEX ix_trips_current_until ON trips (current_until);
