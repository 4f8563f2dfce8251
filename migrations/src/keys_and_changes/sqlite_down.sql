-- An erased client keeps no identity; the column gets a value that no identity has.
CREATE TABLE clients_before AS
    SELECT id,
        coalesce((SELECT identity FROM client_identities i WHERE i.client_id = clients.id
            ORDER BY key_id DESC LIMIT 1), randomblob(32)) AS identity,
        first_name, last_name, id_number, data_key, key_encryption_key_id, created_at
    FROM clients;
CREATE TABLE reservations_before AS SELECT * FROM reservations;
CREATE TABLE tickets_before AS SELECT * FROM tickets;
DROP TABLE tickets;
DROP TABLE reservations;
DROP TABLE client_identities;
DROP TABLE clients;
DROP TABLE encryption_keys;

CREATE TABLE key_fingerprints (
    id INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    CONSTRAINT pk_key_fingerprints PRIMARY KEY (id),
    CONSTRAINT ck_key_fingerprints_id CHECK (id = 1),
    CONSTRAINT ck_key_fingerprints_fingerprint CHECK (length(fingerprint) = 32)
) STRICT;
INSERT INTO key_fingerprints
    SELECT 1, fingerprint FROM index_keys ORDER BY id DESC LIMIT 1;
DROP TABLE index_keys;

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
INSERT INTO clients SELECT * FROM clients_before;

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
INSERT INTO reservations
    SELECT id, trip_id, client_id, position, status, age, connection_signature, service_date
    FROM reservations_before;
CREATE INDEX ix_reservations_client ON reservations (client_id, trip_id);
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
INSERT INTO tickets SELECT id, reservation_id, number, issued_at FROM tickets_before;

DROP TABLE tickets_before;
DROP TABLE reservations_before;
DROP TABLE clients_before;

CREATE TRIGGER tr_tickets_write_once BEFORE UPDATE ON tickets
BEGIN
    SELECT RAISE(ABORT, 'tickets cannot be changed');
END;
CREATE TRIGGER tr_clients_immutable
    BEFORE UPDATE OF id, first_name, last_name, id_number, created_at ON clients
BEGIN
    SELECT RAISE(ABORT, 'clients cannot be changed');
END;
