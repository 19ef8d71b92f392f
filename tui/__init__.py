"""Showing: command line, screens, clipboard. Thin: it asks, shows, copies."""
