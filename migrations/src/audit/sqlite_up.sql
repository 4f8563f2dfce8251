-- The audit log: a row per effect, written in the effect's transaction, never changed. Its rows are
-- chained by hashes afterwards, in the order in which they are sealed, by one server at a time. No
-- personal data is in it.

CREATE TABLE audit_log (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- The name of an API key, or of a command.
    caller TEXT NOT NULL,
    effect TEXT NOT NULL,
    trip_id INTEGER,
    trip_reference TEXT,
    -- The version in which the effect left the trip.
    trip_version INTEGER,
    -- What else it was about: a reservation, a client, a key, an archive segment.
    subject TEXT,
    -- Keyed hash of all the above.
    mac BLOB NOT NULL,
    CONSTRAINT pk_audit_log PRIMARY KEY (id),
    -- One effect, one row.
    CONSTRAINT uq_audit_log_trip_version UNIQUE (trip_id, trip_version),
    CONSTRAINT ck_audit_log_effect CHECK (effect IN (
        'BOOKED', 'TRIP_CANCELLED', 'RESERVATION_CANCELLED', 'CLIENT_ERASED', 'KEYS_ROTATED',
        'ARCHIVED', 'RESTORED'
    )),
    CONSTRAINT ck_audit_log_mac CHECK (length(mac) = 32)
) STRICT;

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

-- Rows that wait for their seal.
CREATE TABLE audit_unsealed (
    audit_id INTEGER NOT NULL,
    CONSTRAINT pk_audit_unsealed PRIMARY KEY (audit_id)
) STRICT;

-- Trips that were there before the log was, in the version that they had then.
CREATE TABLE audit_unlogged (
    trip_id INTEGER NOT NULL,
    trip_version INTEGER NOT NULL,
    CONSTRAINT pk_audit_unlogged PRIMARY KEY (trip_id)
) STRICT;
INSERT INTO audit_unlogged (trip_id, trip_version) SELECT id, version FROM trips;

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
CREATE TRIGGER tr_audit_unlogged_no_update BEFORE UPDATE ON audit_unlogged
BEGIN
    SELECT RAISE(ABORT, 'audit_unlogged cannot be changed');
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
