-- Whose turn it is to do what one server at a time may do. Each turn has a token, higher than all
-- before; whoever writes for a job checks its token in the same transaction.
CREATE TABLE job_turns (
    job TEXT NOT NULL,
    token INTEGER NOT NULL,
    -- By the database's clock, in milliseconds.
    held_until INTEGER NOT NULL,
    -- What the last turn that came to its end was about.
    done TEXT NOT NULL,
    CONSTRAINT pk_job_turns PRIMARY KEY (job),
    CONSTRAINT ck_job_turns_token CHECK (token >= 0)
) STRICT;
INSERT INTO job_turns (job, token, held_until, done) VALUES ('affected-trips', 0, 0, '');

-- Trips whose trains run otherwise than booked in the network file of this version.
CREATE TABLE affected_trips (
    trip_id INTEGER NOT NULL,
    network_version TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    CONSTRAINT pk_affected_trips PRIMARY KEY (trip_id),
    CONSTRAINT fk_affected_trips_trip
        FOREIGN KEY (trip_id) REFERENCES trips (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE affected_legs (
    trip_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    change TEXT NOT NULL,
    -- When it runs now; only where it was retimed.
    departure_at INTEGER,
    departure_offset_s INTEGER,
    arrival_at INTEGER,
    arrival_offset_s INTEGER,
    CONSTRAINT pk_affected_legs PRIMARY KEY (trip_id, position),
    CONSTRAINT fk_affected_legs_trip
        FOREIGN KEY (trip_id) REFERENCES affected_trips (trip_id) ON DELETE CASCADE,
    CONSTRAINT ck_affected_legs_change CHECK (change IN ('GONE', 'STATION_CHANGED', 'RETIMED')),
    CONSTRAINT ck_affected_legs_times CHECK (
        (change = 'RETIMED') = (departure_at IS NOT NULL AND arrival_at IS NOT NULL)
    )
) STRICT;
