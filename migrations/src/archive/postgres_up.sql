-- Where trips are that have moved to cold storage. A trip's rows go and its row here comes in one
-- transaction, after the file it is in has reached the disk: it is in one place at every moment.

CREATE TABLE archive_segments (
    id BIGINT NOT NULL,
    -- The name of the file in the archive's folder.
    file TEXT NOT NULL,
    trips INTEGER NOT NULL,
    bytes BIGINT NOT NULL,
    -- BLAKE3 of the file.
    hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_archive_segments PRIMARY KEY (id),
    CONSTRAINT uq_archive_segments_file UNIQUE (file),
    CONSTRAINT ck_archive_segments_hash CHECK (octet_length(hash) = 32)
);

CREATE TABLE archived_trips (
    trip_id BIGINT NOT NULL,
    reference TEXT NOT NULL,
    version INTEGER NOT NULL,
    departure_at BIGINT NOT NULL,
    segment_id BIGINT NOT NULL,
    -- The compressed frame in the file, in bytes, and the line in the frame, from 0.
    frame_offset BIGINT NOT NULL,
    frame_length INTEGER NOT NULL,
    line INTEGER NOT NULL,
    CONSTRAINT pk_archived_trips PRIMARY KEY (trip_id),
    CONSTRAINT uq_archived_trips_reference UNIQUE (reference),
    CONSTRAINT fk_archived_trips_segment
        FOREIGN KEY (segment_id) REFERENCES archive_segments (id)
);
CREATE INDEX ix_archived_trips_segment ON archived_trips (segment_id);

-- Who travelled, so that a client's past trips are found.
CREATE TABLE archived_places (
    client_id BIGINT NOT NULL,
    departure_at BIGINT NOT NULL,
    trip_id BIGINT NOT NULL,
    CONSTRAINT pk_archived_places PRIMARY KEY (client_id, departure_at, trip_id),
    CONSTRAINT fk_archived_places_trip FOREIGN KEY (trip_id) REFERENCES archived_trips (trip_id),
    CONSTRAINT fk_archived_places_client FOREIGN KEY (client_id) REFERENCES clients (id)
);
CREATE INDEX ix_archived_places_trip ON archived_places (trip_id);

-- A reference stays its trip's in the archive, too. Looked at after the row is written: whoever
-- archives the trip meanwhile holds the reference until both are seen.
CREATE FUNCTION refuse_archived_reference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM archived_trips WHERE reference = NEW.reference) THEN
        RAISE EXCEPTION 'the reference is that of an archived trip'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'uq_trips_reference';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tr_trips_archived_reference AFTER INSERT ON trips
    FOR EACH ROW EXECUTE FUNCTION refuse_archived_reference();
