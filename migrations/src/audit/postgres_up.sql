-- The audit log: a row per effect, written in the effect's transaction, never changed. Its rows are
-- chained by hashes afterwards, in the order in which they are sealed, by one server at a time. No
-- personal data is in it.

CREATE TABLE audit_log (
    id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The name of an API key, or of a command.
    caller TEXT NOT NULL,
    effect TEXT NOT NULL,
    trip_id BIGINT,
    trip_reference TEXT,
    -- The version in which the effect left the trip.
    trip_version INTEGER,
    -- What else it was about: a reservation, a client, a key, an archive segment.
    subject TEXT,
    -- Keyed hash of all the above.
    mac BYTEA NOT NULL,
    CONSTRAINT pk_audit_log PRIMARY KEY (id),
    -- One effect, one row.
    CONSTRAINT uq_audit_log_trip_version UNIQUE (trip_id, trip_version),
    CONSTRAINT ck_audit_log_effect CHECK (effect IN (
        'BOOKED', 'TRIP_CANCELLED', 'RESERVATION_CANCELLED', 'CLIENT_ERASED', 'KEYS_ROTATED',
        'ARCHIVED', 'RESTORED'
    )),
    CONSTRAINT ck_audit_log_mac CHECK (octet_length(mac) = 32)
);

CREATE TABLE audit_seals (
    -- From 1, without a gap.
    sequence BIGINT NOT NULL,
    audit_id BIGINT NOT NULL,
    -- Keyed hash of the seal before, this number, and the row's mac.
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (sequence),
    CONSTRAINT uq_audit_seals_audit_id UNIQUE (audit_id),
    CONSTRAINT fk_audit_seals_audit_id FOREIGN KEY (audit_id) REFERENCES audit_log (id),
    CONSTRAINT ck_audit_seals_hash CHECK (octet_length(hash) = 32)
);

-- Rows that wait for their seal.
CREATE TABLE audit_unsealed (
    audit_id BIGINT NOT NULL,
    CONSTRAINT pk_audit_unsealed PRIMARY KEY (audit_id)
);

-- Trips that were there before the log was, in the version that they had then.
CREATE TABLE audit_unlogged (
    trip_id BIGINT NOT NULL,
    trip_version INTEGER NOT NULL,
    CONSTRAINT pk_audit_unlogged PRIMARY KEY (trip_id)
);
INSERT INTO audit_unlogged (trip_id, trip_version) SELECT id, version FROM trips;

CREATE FUNCTION note_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (audit_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER tr_audit_log_unsealed AFTER INSERT ON audit_log
    FOR EACH ROW EXECUTE FUNCTION note_unsealed();
CREATE TRIGGER tr_audit_log_no_change BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tr_audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tr_audit_seals_no_change BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tr_audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tr_audit_unlogged_no_update BEFORE UPDATE ON audit_unlogged
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
