"""Captures as bytes: files, pipes, growing files and stores, opened and fed to the engine."""
