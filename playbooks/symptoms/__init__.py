"""Error text → symptom: what a log line says of a connection, on which side, and which playbook it opens."""
