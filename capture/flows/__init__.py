"""Packet columns to connections: grouping, analysis counts, Zeek's history and state."""
