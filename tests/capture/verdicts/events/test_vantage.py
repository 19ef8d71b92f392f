from __future__ import annotations

from capture.verdicts.events.vantage import vantage_of
from tests.capture.verdicts.notation import flow_table


def place(*texts: str) -> str:
    return vantage_of(flow_table(*texts)).place


def test_handshake_timing() -> None:
    assert place("cS <0.03>sSA cA cPA9 sA") == "client"
    assert place("cS sSA <0.03>cA cPA9 sA") == "server"
    assert place("cS <0.02>sSA <0.02>cA cPA9 sA") == "middle"


def test_a_proxy_sees_both() -> None:
    assert place("cS <0.03>sSA cA", "cS sSA <0.03>cA") == "both"


def test_most_connections_decide() -> None:
    assert place(*["cS <0.03>sSA cA"] * 9, "cS sSA <0.03>cA") == "client"


def test_ttl_where_timing_is_silent() -> None:
    assert place("cPA9^64 sPA9^57 cA^64") == "client"
    assert place("cPA9^57 sPA9^64 cA^57") == "server"
    assert place("cPA9^57 sPA9^58 cA^57") == "middle"


def test_nothing_known() -> None:
    assert place("cPA9 sA") == "unknown"
    assert place() == "unknown"
    assert vantage_of(flow_table()).why
