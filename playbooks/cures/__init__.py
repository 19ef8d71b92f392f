"""Cures by topic: the same fix for each language and server, as TOML that the loader reads."""
