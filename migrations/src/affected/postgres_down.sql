DROP TABLE affected_legs;
DROP TABLE affected_trips;
DROP TABLE job_turns;
