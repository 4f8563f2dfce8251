-- The audit log keeps its wider check: rows that say who did what are not thrown away, and a program
-- of the version before writes none of the new ones.
DROP TABLE api_keys;
