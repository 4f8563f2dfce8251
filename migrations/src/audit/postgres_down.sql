DROP TABLE audit_unlogged;
DROP TABLE audit_unsealed;
DROP TABLE audit_seals;
DROP TABLE audit_log;
DROP FUNCTION note_unsealed();
