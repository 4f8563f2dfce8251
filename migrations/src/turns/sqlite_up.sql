-- Archiving and sealing take turns, too.
INSERT INTO job_turns (job, token, held_until, done) VALUES
    ('archive', 0, 0, ''),
    ('audit-sealing', 0, 0, '');
