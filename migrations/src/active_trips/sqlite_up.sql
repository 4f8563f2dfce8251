-- Trips that have not departed are counted all the time: from the index alone, without their rows.
-- Who departs after a moment has a day of departure that ends after it.
DROP INDEX ix_trips_current_until;
CREATE INDEX ix_trips_current_until ON trips (current_until, departure_at, status);
