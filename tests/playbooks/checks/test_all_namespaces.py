"""The other network namespaces of a machine: judged beside its own, and named."""

from __future__ import annotations

import msgspec
import pytest

from playbooks.checks.all_namespaces import judge_everywhere
from playbooks.checks.registry import known_checks
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Sockets
from playbooks.model import Outcome
from tests.playbooks.checks.making import host, listener, row, rows, sockets

HEALTHY = row("ESTAB")


def other(*found: object, name: str = "4026532550 web", moved: dict[str, int] | None = None) -> Sockets:
    return msgspec.structs.replace(sockets(*found, moved=moved), netns=name)  # type: ignore[arg-type]


def machine(*others: Sockets, own: tuple[object, ...] = (HEALTHY,)) -> Facts:
    facts = host(*own)  # type: ignore[arg-type]
    assert facts.sockets is not None
    return msgspec.structs.replace(facts, sockets=msgspec.structs.replace(facts.sockets, others=others))


LEAK = rows("CLOSE-WAIT", 12)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ((other(HEALTHY),), Outcome.PASS),
        ((other(*LEAK),), Outcome.FAIL),
        ((other(HEALTHY), other(*LEAK, name="7 db")), Outcome.FAIL),
        ((other(*rows("CLOSE-WAIT", 12, owners=(), owner_missing="not yet accepted", inode=0)),), Outcome.WARN),
    ],
)
def test_the_worst_place_decides(others: tuple[Sockets, ...], expected: Outcome) -> None:
    found = judge_everywhere(known_checks()["close-wait-pile"], machine(*others), {})
    assert found.outcome is expected, found.evidence


def test_a_fault_elsewhere_is_named_with_its_place_and_a_way_in() -> None:
    found = judge_everywhere(known_checks()["close-wait-pile"], machine(other(HEALTHY), other(*LEAK, name="7 db")), {})
    assert found.evidence[0] == "in network namespace 7 db (nsenter -t 812 -n tcptriage check … tells more):"
    assert "java[812] holds 12 sockets" in found.evidence[1]
    assert found.evidence[-1].startswith("in this network namespace: 0 sockets in CLOSE-WAIT")
    assert found.scope is not None
    assert found.scope.netns == "7"


def test_a_pass_says_where_the_same_holds() -> None:
    found = judge_everywhere(known_checks()["close-wait-pile"], machine(other(HEALTHY), other(name="8 empty")), {})
    assert "the same holds in 1 other network namespaces (4026532550 web)" in found.evidence[-1]


def test_a_fault_here_is_told_of_here() -> None:
    found = judge_everywhere(known_checks()["close-wait-pile"], machine(other(*LEAK), own=tuple(LEAK)), {})
    assert "network namespace" not in " ".join(found.evidence)


def test_a_full_queue_and_counters_of_another_place() -> None:
    full = machine(other(listener(waiting=6, most=5)), own=(listener(),))
    assert judge_everywhere(known_checks()["accept-queue-full"], full, {}).outcome is Outcome.FAIL
    moving = machine(other(HEALTHY, moved={"EstabResets": 4}))
    given = {"names": ["EstabResets"]}
    assert judge_everywhere(known_checks()["counters-moved"], moving, given).outcome is Outcome.WARN


def test_who_holds_a_port_is_a_matter_of_one_namespace() -> None:
    facts = msgspec.structs.replace(machine(other(listener())), settings={"port": "8080"})
    own = known_checks()["port-held"].judge(facts)
    assert judge_everywhere(known_checks()["port-held"], facts, {}) == own


EVERYWHERE = {
    "accept-queue-full", "close-wait-descriptors", "close-wait-pile", "counters-moved", "fin-wait-2-pile",
    "listen-counters", "ports-toward-one-peer", "syn-recv-pile", "unanswered", "waiting-for", "zero-window",
}  # fmt: skip


def test_which_checks_are_of_every_namespace() -> None:
    assert {name for name, check in known_checks().items() if check.everywhere} == EVERYWHERE


@pytest.mark.parametrize("count", [3, 4])
def test_of_many_places_three_are_named(count: int) -> None:
    check = known_checks()["close-wait-pile"]
    fine = machine(*(other(HEALTHY, name=f"{n} c{n}") for n in range(count)))
    said = judge_everywhere(check, fine, {}).evidence[-1]
    assert (f"in {count} other" in said, "2 c2" in said, "3 c3" in said) == (True, True, False)
    assert ("…" in said) is (count > 3)
    leaking = machine(*(other(*LEAK, name=f"{n} c{n}") for n in range(count)))
    told = judge_everywhere(check, leaking, {})
    assert sum("in network namespace" in text for text in told.evidence) == 3
    assert len(told.evidence) == 3 * (1 + 3) + 1


def test_a_warning_here_is_not_told_of_another_place() -> None:
    waiting = rows("CLOSE-WAIT", 12, owners=(), owner_missing="not yet accepted", inode=0)
    found = judge_everywhere(known_checks()["close-wait-pile"], machine(other(*waiting), own=tuple(waiting)), {})
    assert found.outcome is Outcome.WARN
    assert "network namespace" not in " ".join(found.evidence)
    failing = machine(other(*LEAK), own=tuple(waiting))
    assert judge_everywhere(known_checks()["close-wait-pile"], failing, {}).outcome is Outcome.FAIL
