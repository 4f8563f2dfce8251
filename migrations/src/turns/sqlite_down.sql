DELETE FROM job_turns WHERE job IN ('archive', 'audit-sealing');
