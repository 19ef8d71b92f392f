"""The closed lists of codes that terms choose from, and the many ways people write a state."""

from __future__ import annotations

import os
import re
from functools import lru_cache

from capture.language import read_toml
from capture.model import COUNT_NAMES, Certainty, Closer, Ending, Resetter, TcpState

ZEEK_STATES = ("S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
LIVE_STATES = tuple(state.value for state in TcpState)
CLOSERS = tuple(Closer)
ENDINGS = tuple(Ending)
RESETTERS = tuple(Resetter)
CERTAINTIES = tuple(Certainty)
TIMERS = ("on", "keepalive", "timewait", "persist")
COUNTS = tuple(name.replace("_", "-") for name in COUNT_NAMES)

_SAME_STATE = {
    "ESTABLISHED": TcpState.ESTABLISHED,
    "SYNRECEIVED": TcpState.SYN_RECEIVED,
    "LISTENING": TcpState.LISTEN,
    "FINWAIT": TcpState.FIN_WAIT_1,
    "CLOSED": TcpState.CLOSED,
    "CLOSE": TcpState.CLOSED,
    "TIMEW": TcpState.TIME_WAIT,
}


def state(text: str) -> str | None:
    """The spelling of ss (or of Zeek) for a state as people write it; None where nobody does."""
    bare = re.sub(r"[-_ ]", "", text).upper()
    if bare in _SAME_STATE:
        return _SAME_STATE[bare].value
    return next((known for known in (*LIVE_STATES, *ZEEK_STATES) if known.replace("-", "") == bare), None)


@lru_cache(maxsize=1)
def causes() -> tuple[str, ...]:
    """The cause codes of verdicts/causes.toml."""
    return tuple(read_toml(os.path.join(os.path.dirname(__file__), "..", "verdicts", "causes.toml")))


@lru_cache(maxsize=1)
def all_codes() -> frozenset[str]:
    """Every code that a row can hold, in small letters with `_`: a bare word that is one means exactly that one."""
    lists = (LIVE_STATES, ZEEK_STATES, CLOSERS, ENDINGS, RESETTERS, CERTAINTIES, causes())
    return frozenset(code.lower().replace("-", "_") for codes in lists for code in codes)
