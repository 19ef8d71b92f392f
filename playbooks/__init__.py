"""Deciding: facts to outcome to fix. Imports capture, never a screen."""
