"""A filter asked of real recordings as columns says what it says of each connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.filters import parse
from capture.triage import triage

LAB = Path(__file__).parents[2] / "data" / "lab"
RECORDINGS = sorted(LAB.glob("*/*.pcap*"))
FILTERS = [
    "aborted,stale_keepalive",
    "cause:*reset* bytes:>10",
    "-reset-by:none",
    "reset-by:responder age:>1ms",
    "closed-first:originator,both",
    "certainty:certain -ended-by:fin",
    "error:ECONNRESET,EPIPE",
    "rtt:<1s gap:>10ms",
    "10.0.0.0/8 port:>1024",
    "handshake:yes retransmission:>0",
    "history:R",
]


@pytest.mark.skipif(not RECORDINGS, reason="no recordings here")
@pytest.mark.parametrize("text", FILTERS)
def test_columns_and_rows_agree_on_recordings(text: str) -> None:
    parsed = parse(text)
    for recording in RECORDINGS:
        (one,) = triage([str(recording)])
        n = len(one.decoded.flows)
        expected = [i for i in range(n) if parsed.matches_connection(one.connection(i))]
        assert parsed.select(one.decoded.flows, one.verdicts).nonzero()[0].tolist() == expected, recording.name
