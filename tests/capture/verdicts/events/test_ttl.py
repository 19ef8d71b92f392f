from __future__ import annotations

from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table


def causes(*texts: str) -> list[str]:
    return judge(flow_table(*texts)).causes()


def test_a_senders_own_packets_tell() -> None:
    talk = "cS sSA cA cPA20 sA sPA9 cA cPA20"
    assert causes(f"{talk} sR^64") == ["no_socket"]
    assert causes(f"{talk} sR^63") == ["middlebox_reset"]


def test_a_path_that_changed_is_no_foreigner() -> None:
    # the sender's last packet already had the RST's TTL
    assert causes("cS sSA^60 cA cPA20 sA^57 cPA20 sR^57") == ["no_socket"]


def test_the_hosts_other_connections_tell_for_a_refusal() -> None:
    assert causes("cS sRA^64", NORMAL)[0] == "refused"
    assert causes("cS sRA^61", NORMAL)[0] == "refused_by_firewall"
    assert causes("cS sRA^61", "cS sRA^64") == ["refused", "refused"]
