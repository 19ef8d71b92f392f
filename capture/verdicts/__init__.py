"""Connections to verdicts: who closed, how it ended, why, and which error each application got."""
