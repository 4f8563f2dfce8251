-- Keys can be rotated and clients erased; a reservation can be cancelled alone.
--
-- What a client is found by has a table of its own, since while the index key is rotated there are
-- two of them. Keys in use are rows: the foreign keys refuse what a server writes under a key that
-- has been retired. The tables are built anew because SQLite cannot change constraints.

-- Keys that blind indexes are made with, and those that data keys are wrapped by. The fingerprint
-- says which key it is, and nothing of it.
CREATE TABLE index_keys (
    id INTEGER NOT NULL,
    fingerprint BYTEA NOT NULL,
    CONSTRAINT pk_index_keys PRIMARY KEY (id),
    CONSTRAINT ck_index_keys_fingerprint CHECK (octet_length(fingerprint) = 32)
);
CREATE TABLE encryption_keys (
    id INTEGER NOT NULL,
    -- NULL until a server that has the key sees it.
    fingerprint BYTEA,
    CONSTRAINT pk_encryption_keys PRIMARY KEY (id),
    CONSTRAINT ck_encryption_keys_fingerprint CHECK (octet_length(fingerprint) = 32)
);
INSERT INTO index_keys (id, fingerprint) SELECT 1, fingerprint FROM key_fingerprints;
INSERT INTO encryption_keys (id) SELECT DISTINCT key_encryption_key_id FROM clients;

ALTER TABLE clients ADD CONSTRAINT fk_clients_key_encryption_key
    FOREIGN KEY (key_encryption_key_id) REFERENCES encryption_keys (id);
ALTER TABLE clients ADD COLUMN erased_at BIGINT;
-- An erased client has nothing left that could be read.
ALTER TABLE clients ADD CONSTRAINT ck_clients_erased CHECK (
    CASE WHEN erased_at IS NULL
        THEN octet_length(first_name) > 0 AND octet_length(last_name) > 0 AND octet_length(id_number) > 0
            AND octet_length(data_key) > 0
        ELSE octet_length(first_name) + octet_length(last_name) + octet_length(id_number)
            + octet_length(data_key) = 0
    END
);
CREATE INDEX ix_clients_key_encryption_key ON clients (key_encryption_key_id, id);

CREATE TABLE client_identities (
    -- Keyed hash of folded last name and id number: found by equality, never read back.
    identity BYTEA NOT NULL,
    -- The key it was made with.
    key_id INTEGER NOT NULL,
    client_id BIGINT NOT NULL,
    CONSTRAINT pk_client_identities PRIMARY KEY (identity),
    CONSTRAINT uq_client_identities_client UNIQUE (client_id, key_id),
    CONSTRAINT fk_client_identities_key FOREIGN KEY (key_id) REFERENCES index_keys (id),
    CONSTRAINT fk_client_identities_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT ck_client_identities_identity CHECK (octet_length(identity) = 32)
);
INSERT INTO client_identities (identity, key_id, client_id)
    SELECT identity, 1, id FROM clients;
CREATE INDEX ix_client_identities_key ON client_identities (key_id, client_id);

ALTER TABLE clients DROP COLUMN identity;
DROP TABLE key_fingerprints;

-- The version of the trip in which it was cancelled.
ALTER TABLE reservations ADD COLUMN cancelled_version INTEGER;
UPDATE reservations SET cancelled_version =
    (SELECT version FROM trips WHERE trips.id = reservations.trip_id)
    WHERE status = 'CANCELLED';
ALTER TABLE reservations ADD CONSTRAINT ck_reservations_cancelled_version
    CHECK ((status = 'CANCELLED') = (cancelled_version IS NOT NULL));

-- Only what keys touch may change, so that they can be rotated; and all at once goes when a client
-- is erased.
DROP TRIGGER tr_clients_immutable ON clients;
CREATE TRIGGER tr_clients_immutable
    BEFORE UPDATE OF id, first_name, last_name, id_number, created_at, erased_at ON clients
    FOR EACH ROW
    WHEN (OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL OR NEW.id <> OLD.id
        OR NEW.created_at <> OLD.created_at)
    EXECUTE FUNCTION refuse_change();
