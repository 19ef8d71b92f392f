"""Observing TCP: what was on the wire, and what the kernel holds. Knows nothing of playbooks or screens."""

__version__ = "0.2.0"
