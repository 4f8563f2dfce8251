DROP TABLE audit_unlogged;
DROP TABLE audit_unsealed;
DROP TRIGGER tr_audit_seals_no_delete;
DROP TABLE audit_seals;
DROP TRIGGER tr_audit_log_no_delete;
DROP TABLE audit_log;
