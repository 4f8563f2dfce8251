DROP TABLE idempotency_keys;
DROP TABLE key_fingerprints;
DROP TABLE ticket_numbers;
DROP TABLE tickets;
DROP TABLE reservations;
DROP TABLE trip_legs;
DROP TABLE trips;
DROP TABLE clients;
