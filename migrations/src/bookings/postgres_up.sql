-- Clients, trips, reservations, tickets. Moments are unix seconds: whole, without a zone, and the
-- same in both databases. A station's own UTC offset stands beside the times shown to travellers.
-- The names of constraints are part of the program: it tells violations apart by them.

CREATE TABLE clients (
    id BIGINT NOT NULL,
    -- Keyed hash of folded last name and id number: found by equality, never read back.
    identity BYTEA NOT NULL,
    -- Sealed with the client's data key.
    first_name BYTEA NOT NULL,
    last_name BYTEA NOT NULL,
    id_number BYTEA NOT NULL,
    -- The data key, wrapped by the key-encryption key with this id.
    data_key BYTEA NOT NULL,
    key_encryption_key_id INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_clients PRIMARY KEY (id),
    CONSTRAINT uq_clients_identity UNIQUE (identity),
    CONSTRAINT ck_clients_identity CHECK (octet_length(identity) = 32)
);

CREATE TABLE trips (
    id BIGINT NOT NULL,
    reference TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    booked_at BIGINT NOT NULL,
    cancelled_at BIGINT,
    fare_class TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- For all travellers together.
    price_cents BIGINT NOT NULL,
    departure_at BIGINT NOT NULL,
    arrival_at BIGINT NOT NULL,
    -- The end of the day of departure at the origin: current before, past from it on.
    current_until BIGINT NOT NULL,
    stops SMALLINT NOT NULL,
    connection_signature BYTEA NOT NULL,
    service_date DATE NOT NULL,
    CONSTRAINT pk_trips PRIMARY KEY (id),
    CONSTRAINT uq_trips_reference UNIQUE (reference),
    CONSTRAINT ck_trips_reference CHECK (reference ~ '^TRP-[0-9A-F]{8}$'),
    CONSTRAINT ck_trips_status CHECK (status IN ('CONFIRMED', 'CANCELLED')),
    CONSTRAINT ck_trips_cancelled_at CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL)),
    CONSTRAINT ck_trips_version CHECK (version >= 1),
    CONSTRAINT ck_trips_fare_class CHECK (fare_class IN ('FIRST', 'SECOND')),
    CONSTRAINT ck_trips_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_trips_price_cents CHECK (price_cents >= 0),
    CONSTRAINT ck_trips_times CHECK (departure_at <= arrival_at AND departure_at < current_until),
    CONSTRAINT ck_trips_stops CHECK (stops BETWEEN 0 AND 2),
    CONSTRAINT ck_trips_connection_signature CHECK (octet_length(connection_signature) = 32)
);
CREATE INDEX ix_trips_current_until ON trips (current_until);

-- Copies of the timetable as booked.
CREATE TABLE trip_legs (
    trip_id BIGINT NOT NULL,
    position SMALLINT NOT NULL,
    source_id TEXT NOT NULL,
    train_type TEXT NOT NULL,
    service_date DATE NOT NULL,
    origin_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    origin_name TEXT NOT NULL,
    destination_name TEXT NOT NULL,
    departure_at BIGINT NOT NULL,
    departure_offset_s INTEGER NOT NULL,
    arrival_at BIGINT NOT NULL,
    arrival_offset_s INTEGER NOT NULL,
    -- For one traveller.
    price_cents BIGINT,
    CONSTRAINT pk_trip_legs PRIMARY KEY (trip_id, position),
    CONSTRAINT fk_trip_legs_trip FOREIGN KEY (trip_id) REFERENCES trips (id),
    CONSTRAINT ck_trip_legs_position CHECK (position BETWEEN 0 AND 2),
    CONSTRAINT ck_trip_legs_times CHECK (departure_at <= arrival_at),
    CONSTRAINT ck_trip_legs_price_cents CHECK (price_cents >= 0)
);

CREATE TABLE reservations (
    id BIGINT NOT NULL,
    trip_id BIGINT NOT NULL,
    client_id BIGINT NOT NULL,
    position SMALLINT NOT NULL,
    status TEXT NOT NULL,
    age SMALLINT NOT NULL,
    connection_signature BYTEA NOT NULL,
    service_date DATE NOT NULL,
    CONSTRAINT pk_reservations PRIMARY KEY (id),
    CONSTRAINT uq_reservations_trip_client UNIQUE (trip_id, client_id),
    CONSTRAINT uq_reservations_trip_position UNIQUE (trip_id, position),
    CONSTRAINT fk_reservations_trip FOREIGN KEY (trip_id) REFERENCES trips (id),
    CONSTRAINT fk_reservations_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT ck_reservations_position CHECK (position BETWEEN 0 AND 8),
    CONSTRAINT ck_reservations_status CHECK (status IN ('CONFIRMED', 'CANCELLED')),
    CONSTRAINT ck_reservations_age CHECK (age BETWEEN 0 AND 130)
);
CREATE INDEX ix_reservations_client ON reservations (client_id, trip_id);
-- The arbiter: one active reservation per client and connection on a date.
CREATE UNIQUE INDEX uq_reservations_active
    ON reservations (client_id, connection_signature, service_date)
    WHERE status = 'CONFIRMED';

CREATE TABLE tickets (
    id BIGINT NOT NULL,
    reservation_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    CONSTRAINT pk_tickets PRIMARY KEY (id),
    CONSTRAINT uq_tickets_number UNIQUE (number),
    CONSTRAINT uq_tickets_reservation UNIQUE (reservation_id),
    CONSTRAINT fk_tickets_reservation FOREIGN KEY (reservation_id) REFERENCES reservations (id),
    CONSTRAINT ck_tickets_number CHECK (number BETWEEN 100000000000000 AND 999999999999999)
);

-- One row: the last ticket number handed out, by whichever server.
CREATE TABLE ticket_numbers (
    id SMALLINT NOT NULL,
    last BIGINT NOT NULL,
    CONSTRAINT pk_ticket_numbers PRIMARY KEY (id),
    CONSTRAINT ck_ticket_numbers_id CHECK (id = 1)
);
INSERT INTO ticket_numbers (id, last) VALUES (1, 0);

-- At most one row: which keys names and id numbers are sealed with.
CREATE TABLE key_fingerprints (
    id SMALLINT NOT NULL,
    fingerprint BYTEA NOT NULL,
    CONSTRAINT pk_key_fingerprints PRIMARY KEY (id),
    CONSTRAINT ck_key_fingerprints_id CHECK (id = 1),
    CONSTRAINT ck_key_fingerprints_fingerprint CHECK (length(fingerprint) = 32)
);

-- Requests that had an effect, so that repeating one has none. The answer is a trip in the state
-- in which the request left it; no foreign key, since trips may be archived.
CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    -- Keyed hashes: what callers send may contain personal data.
    key BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    trip_id BIGINT NOT NULL,
    trip_version INTEGER NOT NULL,
    trip_status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (caller, key),
    CONSTRAINT ck_idempotency_keys_key CHECK (octet_length(key) = 32),
    CONSTRAINT ck_idempotency_keys_fingerprint CHECK (octet_length(fingerprint) = 32),
    CONSTRAINT ck_idempotency_keys_trip_status CHECK (trip_status IN ('CONFIRMED', 'CANCELLED'))
);
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot be changed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER tr_tickets_write_once BEFORE UPDATE ON tickets
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tr_trip_legs_write_once BEFORE UPDATE ON trip_legs
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Only what keys touch may change, so that they can be rotated and a client made unreadable.
CREATE TRIGGER tr_clients_immutable
    BEFORE UPDATE OF id, first_name, last_name, id_number, created_at ON clients
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
