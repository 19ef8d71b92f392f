"""Verdicts as sentences with the numbers of their connections."""
