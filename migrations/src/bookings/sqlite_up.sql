-- Clients, trips, reservations, tickets. Moments are unix seconds: whole, without a zone, and the
-- same in both databases. A station's own UTC offset stands beside the times shown to travellers.
-- The columns of unique constraints are part of the program: SQLite names them in a violation.

CREATE TABLE clients (
    id INTEGER NOT NULL,
    -- Keyed hash of folded last name and id number: found by equality, never read back.
    identity BLOB NOT NULL,
    -- Sealed with the client's data key.
    first_name BLOB NOT NULL,
    last_name BLOB NOT NULL,
    id_number BLOB NOT NULL,
    -- The data key, wrapped by the key-encryption key with this id.
    data_key BLOB NOT NULL,
    key_encryption_key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_clients PRIMARY KEY (id),
    CONSTRAINT uq_clients_identity UNIQUE (identity),
    CONSTRAINT ck_clients_identity CHECK (length(identity) = 32)
) STRICT;

CREATE TABLE trips (
    id INTEGER NOT NULL,
    reference TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    booked_at INTEGER NOT NULL,
    cancelled_at INTEGER,
    fare_class TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- For all travellers together.
    price_cents INTEGER NOT NULL,
    departure_at INTEGER NOT NULL,
    arrival_at INTEGER NOT NULL,
    -- The end of the day of departure at the origin: current before, past from it on.
    current_until INTEGER NOT NULL,
    stops INTEGER NOT NULL,
    connection_signature BLOB NOT NULL,
    service_date TEXT NOT NULL,
    CONSTRAINT pk_trips PRIMARY KEY (id),
    CONSTRAINT uq_trips_reference UNIQUE (reference),
    CONSTRAINT ck_trips_reference CHECK (
        length(reference) = 12
        AND substr(reference, 1, 4) = 'TRP-'
        AND substr(reference, 5) NOT GLOB '*[^0-9A-F]*'
    ),
    CONSTRAINT ck_trips_status CHECK (status IN ('CONFIRMED', 'CANCELLED')),
    CONSTRAINT ck_trips_cancelled_at CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL)),
    CONSTRAINT ck_trips_version CHECK (version >= 1),
    CONSTRAINT ck_trips_fare_class CHECK (fare_class IN ('FIRST', 'SECOND')),
    CONSTRAINT ck_trips_currency CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    CONSTRAINT ck_trips_price_cents CHECK (price_cents >= 0),
    CONSTRAINT ck_trips_times CHECK (departure_at <= arrival_at AND departure_at < current_until),
    CONSTRAINT ck_trips_stops CHECK (stops BETWEEN 0 AND 2),
    CONSTRAINT ck_trips_connection_signature CHECK (length(connection_signature) = 32)
) STRICT;
CREATE INDEX ix_trips_current_until ON trips (current_until);

-- Copies of the timetable as booked.
CREATE TABLE trip_legs (
    trip_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    source_id TEXT NOT NULL,
    train_type TEXT NOT NULL,
    service_date TEXT NOT NULL,
    origin_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    origin_name TEXT NOT NULL,
    destination_name TEXT NOT NULL,
    departure_at INTEGER NOT NULL,
    departure_offset_s INTEGER NOT NULL,
    arrival_at INTEGER NOT NULL,
    arrival_offset_s INTEGER NOT NULL,
    -- For one traveller.
    price_cents INTEGER,
    CONSTRAINT pk_trip_legs PRIMARY KEY (trip_id, position),
    CONSTRAINT fk_trip_legs_trip FOREIGN KEY (trip_id) REFERENCES trips (id),
    CONSTRAINT ck_trip_legs_position CHECK (position BETWEEN 0 AND 2),
    CONSTRAINT ck_trip_legs_times CHECK (departure_at <= arrival_at),
    CONSTRAINT ck_trip_legs_price_cents CHECK (price_cents >= 0)
) STRICT;

CREATE TABLE reservations (
    id INTEGER NOT NULL,
    trip_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    age INTEGER NOT NULL,
    connection_signature BLOB NOT NULL,
    service_date TEXT NOT NULL,
    CONSTRAINT pk_reservations PRIMARY KEY (id),
    CONSTRAINT uq_reservations_trip_client UNIQUE (trip_id, client_id),
    CONSTRAINT uq_reservations_trip_position UNIQUE (trip_id, position),
    CONSTRAINT fk_reservations_trip FOREIGN KEY (trip_id) REFERENCES trips (id),
    CONSTRAINT fk_reservations_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT ck_reservations_position CHECK (position BETWEEN 0 AND 8),
    CONSTRAINT ck_reservations_status CHECK (status IN ('CONFIRMED', 'CANCELLED')),
    CONSTRAINT ck_reservations_age CHECK (age BETWEEN 0 AND 130)
) STRICT;
CREATE INDEX ix_reservations_client ON reservations (client_id, trip_id);
-- The arbiter: one active reservation per client and connection on a date.
CREATE UNIQUE INDEX uq_reservations_active
    ON reservations (client_id, connection_signature, service_date)
    WHERE status = 'CONFIRMED';

CREATE TABLE tickets (
    id INTEGER NOT NULL,
    reservation_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    CONSTRAINT pk_tickets PRIMARY KEY (id),
    CONSTRAINT uq_tickets_number UNIQUE (number),
    CONSTRAINT uq_tickets_reservation UNIQUE (reservation_id),
    CONSTRAINT fk_tickets_reservation FOREIGN KEY (reservation_id) REFERENCES reservations (id),
    CONSTRAINT ck_tickets_number CHECK (number BETWEEN 100000000000000 AND 999999999999999)
) STRICT;

-- One row: the last ticket number handed out, by whichever server.
CREATE TABLE ticket_numbers (
    id INTEGER NOT NULL,
    last INTEGER NOT NULL,
    CONSTRAINT pk_ticket_numbers PRIMARY KEY (id),
    CONSTRAINT ck_ticket_numbers_id CHECK (id = 1)
) STRICT;
INSERT INTO ticket_numbers (id, last) VALUES (1, 0);

-- At most one row: which keys names and id numbers are sealed with.
CREATE TABLE key_fingerprints (
    id INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    CONSTRAINT pk_key_fingerprints PRIMARY KEY (id),
    CONSTRAINT ck_key_fingerprints_id CHECK (id = 1),
    CONSTRAINT ck_key_fingerprints_fingerprint CHECK (length(fingerprint) = 32)
) STRICT;

-- Requests that had an effect, so that repeating one has none. The answer is a trip in the state
-- in which the request left it; no foreign key, since trips may be archived.
CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    -- Keyed hashes: what callers send may contain personal data.
    key BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    trip_id INTEGER NOT NULL,
    trip_version INTEGER NOT NULL,
    trip_status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (caller, key),
    CONSTRAINT ck_idempotency_keys_key CHECK (length(key) = 32),
    CONSTRAINT ck_idempotency_keys_fingerprint CHECK (length(fingerprint) = 32),
    CONSTRAINT ck_idempotency_keys_trip_status CHECK (trip_status IN ('CONFIRMED', 'CANCELLED'))
) STRICT;
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TRIGGER tr_tickets_write_once BEFORE UPDATE ON tickets
BEGIN
    SELECT RAISE(ABORT, 'tickets cannot be changed');
END;
CREATE TRIGGER tr_trip_legs_write_once BEFORE UPDATE ON trip_legs
BEGIN
    SELECT RAISE(ABORT, 'trip_legs cannot be changed');
END;
-- Only what keys touch may change, so that they can be rotated and a client made unreadable.
CREATE TRIGGER tr_clients_immutable
    BEFORE UPDATE OF id, first_name, last_name, id_number, created_at ON clients
BEGIN
    SELECT RAISE(ABORT, 'clients cannot be changed');
END;
