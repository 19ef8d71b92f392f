"""Error text to symptom: what the line says, on which side, and which playbook helps."""
