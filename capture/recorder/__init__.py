"""The flight recorder: packets, kernel events, looks and log lines in rings; a trigger freezes them into a folder."""
