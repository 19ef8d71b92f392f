"""Each step says whose facts it rests on, in every form; and facts of two machines never stand side by side."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from playbooks.check_report import write
from playbooks.facts.collecting import READERS, collect
from playbooks.facts.facts import Facts
from playbooks.facts.packet_facts import Captured
from playbooks.facts.this_host import locals_here, mostly_here, own_addresses, own_netns
from playbooks.loader import load, load_all
from playbooks.model import Outcome
from playbooks.run import judge, run_checks
from playbooks.scope import Scope, scope_text, together
from tests.capture.wire.building import ACK, RST, SYN, ethernet, ipv4, pcap, tcp
from tui.rows.playbook_steps import shown

LAB = Path(__file__).parents[1] / "data" / "lab"
ELSEWHERE = LAB / "02a-epipe-two-writes" / "lo.pcap"
KEYS = {"host", "netns", "capture", "log", "from", "to"}


def test_every_step_of_every_playbook_has_a_scope_in_json_text_markdown_and_on_the_screen() -> None:
    facts = Facts(host="web1", time=1_700_000_004.0, root=True, settings={}, kernel={"net.ipv4.tcp_wmem": "1 2 3"},
                  began=1_700_000_000.0, netns="4026531840")  # fmt: skip
    for book in load_all(Path("/nonexistent")).values():
        for step in json.loads(write(judge(book, facts), "json"))["steps"]:
            assert step["scope"].keys() == KEYS, f"{book.name} {step['id']}"
    book = load("broken-pipe", Path("/nonexistent"))
    report = judge(book, facts)
    said = "web1 (netns 4026531840), 2023-11-14 22:13:20 to 22:13:24 UTC"
    assert f"@ {said}" in write(report, "text")
    assert f"looked at: {said}" in write(report, "md")
    assert any(f"Looked at: {said}" in entry.page for entry in shown(report, book).entries)
    buffer = next(step for step in json.loads(write(report, "json"))["steps"] if step["outcome"] == "pass")
    assert buffer["scope"] == {"host": "web1", "netns": "4026531840", "capture": None, "log": None,
                               "from": "1700000000.000", "to": "1700000004.000"}  # fmt: skip


def test_scopes_together_name_a_host_only_where_it_is_the_same() -> None:
    here, there = Scope(host="a", netns="1", begin=5.0, end=6.0), Scope(capture="x.pcap", begin=1.0, end=2.0)
    both = together((here, there, Scope()))
    assert both == Scope(None, "1", "x.pcap", None, 1.0, 6.0)
    assert together((here, Scope(host="a", log="l"))).host == "a"
    assert not together(())
    assert scope_text(Scope()) == ""


@pytest.mark.parametrize("name", sorted(load_all(Path("/nonexistent"))))
def test_beside_a_capture_of_another_host_nothing_of_this_machine_is_judged(name: str) -> None:
    report = run_checks(name, {"capture": str(ELSEWHERE)})
    for step in report.steps:
        if step.scope.capture is None:
            assert step.outcome is Outcome.MANUAL, f"{step.id}: {step.outcome} {step.evidence}"
            assert step.scope.host is None
        else:
            assert step.scope.host is None
    if any(step.scope.capture for step in report.steps):
        assert any("does not show this machine's addresses" in text for step in report.steps for text in step.evidence)


def test_beside_a_log_of_another_host_nothing_of_this_machine_is_judged(tmp_path: Path) -> None:
    line = "2026/05/04 10:00:01 write tcp 198.51.100.7:8080->198.51.100.9:51234: write: broken pipe\n"
    (tmp_path / "app.log").write_text(line)
    report = run_checks("broken-pipe", {"log": str(tmp_path / "app.log")})
    log = next(step for step in report.steps if step.id == "log")
    assert log.outcome is Outcome.FAIL
    assert (log.scope.log, log.scope.host) == (str(tmp_path / "app.log"), None)
    assert {step.outcome for step in report.steps if step is not log} == {Outcome.MANUAL}


def test_a_log_that_speaks_of_this_machines_addresses_is_of_here(tmp_path: Path) -> None:
    own = next(iter(sorted(own_addresses())), None)
    if own is None:
        pytest.skip("this machine has no address beside loopback")
    written = f"[{own}]" if ":" in own else own
    line = f"2026/05/04 10:00:01 write tcp {written}:8080->198.51.100.9:51234: write: broken pipe\n"
    (tmp_path / "app.log").write_text(line)
    facts = collect(("log", "kernel"), {"log": str(tmp_path / "app.log")})
    assert facts.log is not None
    assert facts.log.here
    assert facts.kernel is not None
    assert facts.scope("log").host == socket.gethostname()


def test_whose_a_file_is() -> None:
    own = frozenset(("10.0.0.1",))
    assert mostly_here([("10.0.0.9", "10.0.0.1")], own)
    assert mostly_here([("10.0.0.9", "10.0.0.1"), ("1.1.1.1", "2.2.2.2")], own)
    assert not mostly_here([("10.0.0.9", "10.0.0.1"), ("1.1.1.1", "2.2.2.2"), ("1.1.1.1", "3.3.3.3")], own)
    assert not mostly_here([], own)
    assert locals_here(["10.0.0.1"], own) is True
    assert locals_here(["10.0.0.2"], own) is False
    assert locals_here(["127.0.0.1", "::1"], own) is None


def test_loopback_is_every_machines_and_proves_nothing() -> None:
    assert own_addresses().isdisjoint(("127.0.0.1", "::1"))
    if os.path.exists("/proc/self/ns/net"):
        assert own_netns() in os.readlink("/proc/self/ns/net")


def test_a_defect_in_collecting_is_unreadable_and_takes_no_other_part_along(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        raise AttributeError("defect")

    monkeypatch.setitem(READERS, "sockets", broken)
    facts = collect(("sockets", "kernel"), {})
    assert facts.absent["sockets"].kind == "unreadable"
    assert "defect" in facts.absent["sockets"].why
    assert facts.kernel is not None or "kernel" in facts.absent


def test_the_scope_of_a_capture_of_this_machine_names_it() -> None:
    captured = Captured("x.pcap", 1, {}, (), here=True, first_time=1.0, last_time=2.0)
    facts = Facts(host="h", time=9.0, root=True, settings={}, capture=captured)
    assert facts.scope("capture") == Scope("h", None, "x.pcap", None, 1.0, 2.0)


def test_beside_a_capture_of_this_machine_it_is_judged_too(tmp_path: Path) -> None:
    own = next((ip for ip in sorted(own_addresses()) if ":" not in ip), None)
    if own is None:
        pytest.skip("this machine has no IPv4 address beside loopback")
    frames = [
        ethernet(ipv4(tcp(40000, 80, 100, 0, SYN), own, "198.51.100.7")),
        ethernet(ipv4(tcp(80, 40000, 0, 101, RST | ACK), "198.51.100.7", own)),
    ]
    (tmp_path / "x.pcap").write_bytes(pcap(frames, step=1000))
    facts = collect(("capture", "kernel"), {"capture": str(tmp_path / "x.pcap")})
    assert facts.capture is not None
    assert facts.capture.here
    assert facts.scope("capture").host == facts.host
    assert "kernel" not in facts.absent or facts.absent["kernel"].kind != "elsewhere"
    away = collect(("kernel",), {"capture": str(ELSEWHERE)})
    assert away.absent["kernel"].kind == "elsewhere"
