"""Connections with one cause at one place, as one finding."""
