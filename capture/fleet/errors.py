"""Why a fleet cannot be read at all."""

from __future__ import annotations

from capture.safe_text import printable

EXTRA = "pip install 'tcptriage[fleet]'"


class FleetRefused(Exception):  # noqa: N818 - named for the reader: it says what it is
    """Nothing is begun, or the run cannot go on. `str()` is one line: what, why, what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(printable(what + (f"; {hint}" if hint else "")))


def require_extra() -> None:
    """Raise FleetRefused where the packages of the extra are not there."""
    from importlib.util import find_spec

    missing = [name for name in ("pyarrow", "fsspec", "distributed") if find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise FleetRefused(f"{', '.join(missing)} {verb} not installed", EXTRA)
