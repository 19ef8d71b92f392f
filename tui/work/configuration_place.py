"""Where the user's preferences lie: apart from what reads them, which takes a tenth of a small report to load."""

from __future__ import annotations

import os


def configuration_path() -> str | None:
    """config.toml under $XDG_CONFIG_HOME/tcptriage; None for a user without a home."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):
        home = os.path.expanduser("~")
        if home.startswith("~"):
            return None
        folder = os.path.join(home, ".config")
    return os.path.join(folder, "tcptriage", "config.toml")
