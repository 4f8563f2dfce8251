-- Where trips are that have moved to cold storage. A trip's rows go and its row here comes in one
-- transaction, after the file it is in has reached the disk: it is in one place at every moment.

CREATE TABLE archive_segments (
    id INTEGER NOT NULL,
    -- The name of the file in the archive's folder.
    file TEXT NOT NULL,
    trips INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    -- BLAKE3 of the file.
    hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_archive_segments PRIMARY KEY (id),
    CONSTRAINT uq_archive_segments_file UNIQUE (file),
    CONSTRAINT ck_archive_segments_hash CHECK (length(hash) = 32)
) STRICT;

CREATE TABLE archived_trips (
    trip_id INTEGER NOT NULL,
    reference TEXT NOT NULL,
    version INTEGER NOT NULL,
    departure_at INTEGER NOT NULL,
    segment_id INTEGER NOT NULL,
    -- The compressed frame in the file, in bytes, and the line in the frame, from 0.
    frame_offset INTEGER NOT NULL,
    frame_length INTEGER NOT NULL,
    line INTEGER NOT NULL,
    CONSTRAINT pk_archived_trips PRIMARY KEY (trip_id),
    CONSTRAINT uq_archived_trips_reference UNIQUE (reference),
    CONSTRAINT fk_archived_trips_segment
        FOREIGN KEY (segment_id) REFERENCES archive_segments (id)
) STRICT;
CREATE INDEX ix_archived_trips_segment ON archived_trips (segment_id);

-- Who travelled, so that a client's past trips are found.
CREATE TABLE archived_places (
    client_id INTEGER NOT NULL,
    departure_at INTEGER NOT NULL,
    trip_id INTEGER NOT NULL,
    CONSTRAINT pk_archived_places PRIMARY KEY (client_id, departure_at, trip_id),
    CONSTRAINT fk_archived_places_trip FOREIGN KEY (trip_id) REFERENCES archived_trips (trip_id),
    CONSTRAINT fk_archived_places_client FOREIGN KEY (client_id) REFERENCES clients (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_archived_places_trip ON archived_places (trip_id);

-- A reference stays its trip's in the archive, too. Looked at after the row is written: whoever
-- archives the trip meanwhile holds the reference until both are seen.
CREATE TRIGGER tr_trips_archived_reference AFTER INSERT ON trips
    WHEN EXISTS (SELECT 1 FROM archived_trips WHERE reference = NEW.reference)
BEGIN
    SELECT RAISE(ABORT, 'the reference is that of an archived trip');
END;
