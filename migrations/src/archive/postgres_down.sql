DROP TRIGGER tr_trips_archived_reference ON trips;
DROP FUNCTION refuse_archived_reference();
DROP TABLE archived_places;
DROP TABLE archived_trips;
DROP TABLE archive_segments;
