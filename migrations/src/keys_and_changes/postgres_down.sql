-- An erased client keeps no identity; the column gets a hash that no identity has.
ALTER TABLE clients ADD COLUMN identity BYTEA;
UPDATE clients SET identity =
    (SELECT identity FROM client_identities i WHERE i.client_id = clients.id
     ORDER BY key_id DESC LIMIT 1);
UPDATE clients SET identity = sha256(convert_to('erased ' || id, 'UTF8')) WHERE identity IS NULL;
ALTER TABLE clients ALTER COLUMN identity SET NOT NULL;
ALTER TABLE clients ADD CONSTRAINT uq_clients_identity UNIQUE (identity);
ALTER TABLE clients ADD CONSTRAINT ck_clients_identity CHECK (octet_length(identity) = 32);

CREATE TABLE key_fingerprints (
    id SMALLINT NOT NULL,
    fingerprint BYTEA NOT NULL,
    CONSTRAINT pk_key_fingerprints PRIMARY KEY (id),
    CONSTRAINT ck_key_fingerprints_id CHECK (id = 1),
    CONSTRAINT ck_key_fingerprints_fingerprint CHECK (length(fingerprint) = 32)
);
INSERT INTO key_fingerprints
    SELECT 1, fingerprint FROM index_keys ORDER BY id DESC LIMIT 1;

DROP TABLE client_identities;
DROP INDEX ix_clients_key_encryption_key;
ALTER TABLE clients DROP CONSTRAINT fk_clients_key_encryption_key;
DROP TABLE encryption_keys;
DROP TABLE index_keys;
ALTER TABLE reservations DROP COLUMN cancelled_version;

DROP TRIGGER tr_clients_immutable ON clients;
ALTER TABLE clients DROP COLUMN erased_at;
CREATE TRIGGER tr_clients_immutable
    BEFORE UPDATE OF id, first_name, last_name, id_number, created_at ON clients
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
