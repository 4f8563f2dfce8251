-- API keys: who may call. The secret is not here, only a hash of it.

CREATE TABLE api_keys (
    -- 16 hex digits, the middle part of the key.
    id TEXT NOT NULL,
    -- For people.
    name TEXT NOT NULL,
    -- BLAKE3 of id and secret.
    hash BLOB NOT NULL,
    -- Of search, book, support and admin, with commas.
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    -- Not later than an hour before the last use.
    last_used_at INTEGER,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT ck_api_keys_hash CHECK (length(hash) = 32),
    CONSTRAINT ck_api_keys_name CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT ck_api_keys_expires CHECK (expires_at > created_at)
) STRICT;

-- What a key is good for never changes, and what was revoked stays so.
CREATE TRIGGER tr_api_keys_immutable
    BEFORE UPDATE OF id, name, hash, scopes, created_at, expires_at, revoked_at ON api_keys
    WHEN NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.hash <> OLD.hash
        OR NEW.scopes <> OLD.scopes OR NEW.created_at <> OLD.created_at
        OR NEW.expires_at <> OLD.expires_at
        OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at)
BEGIN
    SELECT RAISE(ABORT, 'api_keys cannot be changed');
END;

-- The audit log has rows for keys and look-ups, too. The tables are built anew because SQLite cannot
-- change constraints.
CREATE TABLE audit_log_before AS SELECT * FROM audit_log;
CREATE TABLE audit_seals_before AS SELECT * FROM audit_seals;
DROP TRIGGER tr_audit_seals_no_delete;
DROP TABLE audit_seals;
DROP TRIGGER tr_audit_log_no_delete;
DROP TABLE audit_log;

CREATE TABLE audit_log (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- The id of an API key, or the name of a command.
    caller TEXT NOT NULL,
    effect TEXT NOT NULL,
    trip_id INTEGER,
    trip_reference TEXT,
    -- The version in which the effect left the trip.
    trip_version INTEGER,
    -- What else it was about: a reservation, a client, a key, an archive segment, a hit or a miss.
    subject TEXT,
    -- Keyed hash of all the above.
    mac BLOB NOT NULL,
    CONSTRAINT pk_audit_log PRIMARY KEY (id),
    -- One effect, one row.
    CONSTRAINT uq_audit_log_trip_version UNIQUE (trip_id, trip_version),
    CONSTRAINT ck_audit_log_effect CHECK (effect IN (
        'BOOKED', 'TRIP_CANCELLED', 'RESERVATION_CANCELLED', 'CLIENT_ERASED', 'KEYS_ROTATED',
        'ARCHIVED', 'RESTORED', 'API_KEY_CREATED', 'API_KEY_REVOKED', 'CLIENT_LOOKED_UP',
        'TRIP_LOOKED_UP'
    )),
    CONSTRAINT ck_audit_log_mac CHECK (length(mac) = 32)
) STRICT;
INSERT INTO audit_log
    SELECT id, at, caller, effect, trip_id, trip_reference, trip_version, subject, mac
    FROM audit_log_before;

CREATE TABLE audit_seals (
    -- From 1, without a gap.
    sequence INTEGER NOT NULL,
    audit_id INTEGER NOT NULL,
    -- Keyed hash of the seal before, this number, and the row's mac.
    hash BLOB NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (sequence),
    CONSTRAINT uq_audit_seals_audit_id UNIQUE (audit_id),
    CONSTRAINT fk_audit_seals_audit_id FOREIGN KEY (audit_id) REFERENCES audit_log (id),
    CONSTRAINT ck_audit_seals_hash CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit_seals SELECT sequence, audit_id, hash FROM audit_seals_before;
DROP TABLE audit_seals_before;
DROP TABLE audit_log_before;

CREATE TRIGGER tr_audit_log_unsealed AFTER INSERT ON audit_log
BEGIN
    INSERT INTO audit_unsealed (audit_id) VALUES (NEW.id);
END;
CREATE TRIGGER tr_audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log cannot be changed');
END;
CREATE TRIGGER tr_audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log cannot be changed');
END;
CREATE TRIGGER tr_audit_seals_no_update BEFORE UPDATE ON audit_seals
BEGIN
    SELECT RAISE(ABORT, 'audit_seals cannot be changed');
END;
CREATE TRIGGER tr_audit_seals_no_delete BEFORE DELETE ON audit_seals
BEGIN
    SELECT RAISE(ABORT, 'audit_seals cannot be changed');
END;
-- REPLACE deletes without telling the triggers above.
CREATE TRIGGER tr_audit_log_no_replace BEFORE INSERT ON audit_log
    WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id
        OR (trip_id = NEW.trip_id AND trip_version = NEW.trip_version))
BEGIN
    SELECT RAISE(ABORT, 'audit_log cannot be changed');
END;
CREATE TRIGGER tr_audit_seals_no_replace BEFORE INSERT ON audit_seals
    WHEN EXISTS (SELECT 1 FROM audit_seals
        WHERE sequence = NEW.sequence OR audit_id = NEW.audit_id)
BEGIN
    SELECT RAISE(ABORT, 'audit_seals cannot be changed');
END;
