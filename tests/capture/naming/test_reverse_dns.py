"""Reverse DNS: many at once, few askers, and nobody waits for a server that does not answer."""

from __future__ import annotations

import threading

from capture.naming.reverse_dns import ASKERS, MOST, reverse_names


def test_answers_come_as_they_are_and_each_address_is_asked_once() -> None:
    asked: list[str] = []

    def ask(ip: str) -> str:
        asked.append(ip)
        return "" if ip.endswith(".3") else f"host-{ip}"

    answers = dict(reverse_names(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"], ask))
    assert answers == {"10.0.0.1": "host-10.0.0.1", "10.0.0.2": "host-10.0.0.2", "10.0.0.3": ""}
    assert sorted(asked) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_a_silent_server_is_waited_for_so_long_and_no_longer() -> None:
    answer = threading.Event()

    def ask(ip: str) -> str:
        if ip == "10.0.0.1":
            return "quick"
        answer.wait(60)
        return "late"

    try:
        assert list(reverse_names(["10.0.0.1", "10.0.0.2"], ask, patience_s=0.3)) == [("10.0.0.1", "quick")]
        assert list(reverse_names(["10.0.0.9"] * 3, ask, stopped=lambda: True)) == []
    finally:
        answer.set()


def test_so_many_and_no_more_are_asked_by_a_few() -> None:
    running: set[int | None] = set()
    many = [f"10.{n // 256}.{n % 256}.1" for n in range(MOST + 50)]
    found = list(reverse_names(many, lambda ip: running.add(threading.get_ident()) or ip[:2]))  # type: ignore[func-returns-value]
    assert len(found) == MOST
    assert len(running) <= ASKERS
