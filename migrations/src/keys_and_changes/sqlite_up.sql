-- Keys can be rotated and clients erased; a reservation can be cancelled alone.
--
-- What a client is found by has a table of its own, since while the index key is rotated there are
-- two of them. Keys in use are rows: the foreign keys refuse what a server writes under a key that
-- has been retired. The tables are built anew because SQLite cannot change constraints.

-- Keys that blind indexes are made with, and those that data keys are wrapped by. The fingerprint
-- says which key it is, and nothing of it.
CREATE TABLE index_keys (
    id INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    CONSTRAINT pk_index_keys PRIMARY KEY (id),
    CONSTRAINT ck_index_keys_fingerprint CHECK (length(fingerprint) = 32)
) STRICT;
CREATE TABLE encryption_keys (
    id INTEGER NOT NULL,
    -- NULL until a server that has the key sees it.
    fingerprint BLOB,
    CONSTRAINT pk_encryption_keys PRIMARY KEY (id),
    CONSTRAINT ck_encryption_keys_fingerprint CHECK (length(fingerprint) = 32)
) STRICT;
INSERT INTO index_keys (id, fingerprint) SELECT 1, fingerprint FROM key_fingerprints;
INSERT INTO encryption_keys (id) SELECT DISTINCT key_encryption_key_id FROM clients;

CREATE TABLE clients_before AS SELECT * FROM clients;
CREATE TABLE reservations_before AS SELECT * FROM reservations;
CREATE TABLE tickets_before AS SELECT * FROM tickets;
DROP TABLE tickets;
DROP TABLE reservations;
DROP TABLE clients;

CREATE TABLE clients (
    id INTEGER NOT NULL,
    -- Sealed with the client's data key.
    first_name BLOB NOT NULL,
    last_name BLOB NOT NULL,
    id_number BLOB NOT NULL,
    -- The data key, wrapped by the key-encryption key with this id.
    data_key BLOB NOT NULL,
    key_encryption_key_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    erased_at INTEGER,
    CONSTRAINT pk_clients PRIMARY KEY (id),
    CONSTRAINT fk_clients_key_encryption_key
        FOREIGN KEY (key_encryption_key_id) REFERENCES encryption_keys (id),
    -- An erased client has nothing left that could be read.
    CONSTRAINT ck_clients_erased CHECK (
        CASE WHEN erased_at IS NULL
            THEN length(first_name) > 0 AND length(last_name) > 0 AND length(id_number) > 0
                AND length(data_key) > 0
            ELSE length(first_name) + length(last_name) + length(id_number)
                + length(data_key) = 0
        END
    )
) STRICT;
INSERT INTO clients
    SELECT id, first_name, last_name, id_number, data_key, key_encryption_key_id, created_at, NULL
    FROM clients_before;
CREATE INDEX ix_clients_key_encryption_key ON clients (key_encryption_key_id, id);

CREATE TABLE client_identities (
    -- Keyed hash of folded last name and id number: found by equality, never read back.
    identity BLOB NOT NULL,
    -- The key it was made with.
    key_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    CONSTRAINT pk_client_identities PRIMARY KEY (identity),
    CONSTRAINT uq_client_identities_client UNIQUE (client_id, key_id),
    CONSTRAINT fk_client_identities_key FOREIGN KEY (key_id) REFERENCES index_keys (id),
    CONSTRAINT fk_client_identities_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT ck_client_identities_identity CHECK (length(identity) = 32)
) STRICT;
INSERT INTO client_identities (identity, key_id, client_id)
    SELECT identity, 1, id FROM clients_before;
CREATE INDEX ix_client_identities_key ON client_identities (key_id, client_id);

CREATE TABLE reservations (
    id INTEGER NOT NULL,
    trip_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    age INTEGER NOT NULL,
    connection_signature BLOB NOT NULL,
    service_date TEXT NOT NULL,
    -- The version of the trip in which it was cancelled.
    cancelled_version INTEGER,
    CONSTRAINT pk_reservations PRIMARY KEY (id),
    CONSTRAINT uq_reservations_trip_client UNIQUE (trip_id, client_id),
    CONSTRAINT uq_reservations_trip_position UNIQUE (trip_id, position),
    CONSTRAINT fk_reservations_trip FOREIGN KEY (trip_id) REFERENCES trips (id),
    CONSTRAINT fk_reservations_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT ck_reservations_position CHECK (position BETWEEN 0 AND 8),
    CONSTRAINT ck_reservations_status CHECK (status IN ('CONFIRMED', 'CANCELLED')),
    CONSTRAINT ck_reservations_age CHECK (age BETWEEN 0 AND 130),
    CONSTRAINT ck_reservations_cancelled_version
        CHECK ((status = 'CANCELLED') = (cancelled_version IS NOT NULL))
) STRICT;
INSERT INTO reservations
    SELECT r.id, r.trip_id, r.client_id, r.position, r.status, r.age, r.connection_signature,
        r.service_date, CASE r.status WHEN 'CANCELLED' THEN t.version END
    FROM reservations_before r JOIN trips t ON t.id = r.trip_id;
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
INSERT INTO tickets SELECT id, reservation_id, number, issued_at FROM tickets_before;

DROP TABLE tickets_before;
DROP TABLE reservations_before;
DROP TABLE clients_before;
DROP TABLE key_fingerprints;

CREATE TRIGGER tr_tickets_write_once BEFORE UPDATE ON tickets
BEGIN
    SELECT RAISE(ABORT, 'tickets cannot be changed');
END;
-- Only what keys touch may change, so that they can be rotated; and all at once goes when a client
-- is erased.
CREATE TRIGGER tr_clients_immutable
    BEFORE UPDATE OF id, first_name, last_name, id_number, created_at, erased_at ON clients
    WHEN OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL OR NEW.id <> OLD.id
        OR NEW.created_at <> OLD.created_at
BEGIN
    SELECT RAISE(ABORT, 'clients cannot be changed');
END;
