-- API keys: who may call. The secret is not here, only a hash of it.

CREATE TABLE api_keys (
    -- 16 hex digits, the middle part of the key.
    id TEXT NOT NULL,
    -- For people.
    name TEXT NOT NULL,
    -- BLAKE3 of id and secret.
    hash BYTEA NOT NULL,
    -- Of search, book, support and admin, with commas.
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    -- Not later than an hour before the last use.
    last_used_at BIGINT,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT ck_api_keys_hash CHECK (octet_length(hash) = 32),
    CONSTRAINT ck_api_keys_name CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT ck_api_keys_expires CHECK (expires_at > created_at)
);

-- What a key is good for never changes, and what was revoked stays so.
CREATE TRIGGER tr_api_keys_immutable BEFORE UPDATE ON api_keys FOR EACH ROW
    WHEN (NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.hash <> OLD.hash
        OR NEW.scopes <> OLD.scopes OR NEW.created_at <> OLD.created_at
        OR NEW.expires_at <> OLD.expires_at
        OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at))
    EXECUTE FUNCTION refuse_change();

-- The audit log has rows for keys and look-ups, too.
ALTER TABLE audit_log DROP CONSTRAINT ck_audit_log_effect;
ALTER TABLE audit_log ADD CONSTRAINT ck_audit_log_effect CHECK (effect IN (
    'BOOKED', 'TRIP_CANCELLED', 'RESERVATION_CANCELLED', 'CLIENT_ERASED', 'KEYS_ROTATED',
    'ARCHIVED', 'RESTORED', 'API_KEY_CREATED', 'API_KEY_REVOKED', 'CLIENT_LOOKED_UP',
    'TRIP_LOOKED_UP'
));
