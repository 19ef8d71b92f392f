"""A capture that leaves out times, TTLs or packets is judged no surer than it allows."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from capture.model import Notice, Verdict
from capture.triage import triage
from capture.verdicts import catalogue
from capture.verdicts.judge import judge
from capture.verdicts.rules.missing_details import GAPS
from tests.capture.verdicts.notation import NORMAL, flow_table
from tests.capture.verdicts.test_judge import CASES

LAB = Path(__file__).parents[3] / "data" / "lab"


def printed(tmp_path: Path, name: str, *options: str) -> Verdict:
    if shutil.which("tcpdump") is None:
        pytest.skip("not installed: tcpdump")
    text = tmp_path / "printed.txt"
    with text.open("wb") as out:
        subprocess.run(["tcpdump", "-nn", *options, "-r", str(LAB / name)], stdout=out, check=True, timeout=30)
    return triage([str(text)])[0].connection(0).verdict


@pytest.mark.parametrize("option", ["-v", "-vv"])
def test_with_ttls_the_lines_tell_what_the_packets_told(tmp_path: Path, option: str) -> None:
    name = "16g-nat-idle-rst/client.pcap"
    told = triage([str(LAB / name)])[0].connection(0).verdict
    assert told.cause == "middlebox_reset"
    assert printed(tmp_path, name, option) == told


def test_without_ttls_a_reset_may_be_anybodys(tmp_path: Path) -> None:
    verdict = printed(tmp_path, "16g-nat-idle-rst/client.pcap")
    assert verdict.reset_by != "middlebox"
    assert "middlebox_reset" in verdict.alternatives
    assert verdict.certainty != "certain"


def test_without_times_nothing_is_certain(tmp_path: Path) -> None:
    name = "12f-499-large/client.pcap"
    assert triage([str(LAB / name)])[0].connection(0).verdict.cause == "client_gave_up"
    assert printed(tmp_path, name, "-t").certainty != "certain"
    assert printed(tmp_path, "15a-half-close/client.pcap", "-t").certainty != "certain"


def test_without_identifications_a_challenge_is_seen_all_the_same(tmp_path: Path) -> None:
    name = "16f-blind-rst-challenge-ack/server.pcap"
    told = triage([str(LAB / name)])[0].connection(0).verdict
    assert printed(tmp_path, name).certainty == told.certainty


def test_what_did_not_come_is_at_most_possible_where_packets_are_missing() -> None:
    for text, cause, *_ in CASES:
        for code in GAPS:
            sure = judge(flow_table(text)).of(0)
            verdict = judge(flow_table(text), notices=[Notice(code, "")]).of(0)
            assert verdict.cause == cause
            if catalogue.causes()[cause].absence:
                assert verdict.certainty == "possible", text
            else:
                assert verdict.certainty == ("likely" if sure.certainty == "certain" else sure.certainty), text


def test_other_notices_take_nothing_away() -> None:
    verdict = judge(flow_table(NORMAL), notices=[Notice("seen_twice", ""), Notice("cut_short", "")]).of(0)
    assert verdict.certainty == "certain"


def test_absences() -> None:
    assert {code for code, info in catalogue.causes().items() if info.absence} == {
        *("still_open", "client_gave_up", "late_close", "syn_unanswered", "accept_queue_overflow"),
        *("accept_queue_reset", "no_response", "closed_unanswered", "silent_drop", "idle_drop", "path_mtu_black_hole"),
        *("no_socket", "keepalive_timeout", "syn_flood", "connect_cancelled"),
    }
