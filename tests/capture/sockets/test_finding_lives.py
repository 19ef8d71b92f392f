from __future__ import annotations

from capture.model import Finding, Severity
from capture.sockets.finding_lives import KEPT, SAME_AGAIN_S, Lives, identity


def finding(port: int, connections: int = 1, severity: Severity = Severity.WARNING, **facts: object) -> Finding:
    return Finding("some", severity, f"{connections} at {port}", "", connections, (), None, {"port": port, **facts})


def test_a_finding_that_goes_stays_in_the_list_with_its_times_and_its_worst() -> None:
    lives = Lives()
    lives.take([finding(1, 5)], 10.0)
    lives.take([finding(1, 9, Severity.CRITICAL)], 11.0)
    (now,) = lives.take([finding(1, 2)], 12.0)
    assert (now.first_seen, now.last_seen, now.over, now.most, now.worst) == (10.0, 12.0, False, 9, "critical")
    (gone,) = lives.take([], 13.0)
    assert (gone.first_seen, gone.last_seen, gone.over, gone.times) == (10.0, 12.0, True, 1)


def test_what_comes_back_soon_is_the_same_trouble_and_later_a_new_one() -> None:
    lives = Lives()
    lives.take([finding(1)], 10.0)
    lives.take([], 11.0)
    (again,) = lives.take([finding(1)], 30.0)
    assert (again.first_seen, again.times, again.over) == (10.0, 2, False)
    lives.take([], 31.0)
    (anew,) = lives.take([finding(1)], 31.0 + SAME_AGAIN_S + 1)
    assert (anew.first_seen, anew.times) == (31.0 + SAME_AGAIN_S + 1, 1)


def test_going_on_comes_first_and_the_oldest_that_are_over_are_let_go() -> None:
    lives = Lives()
    for number in range(KEPT + 50):
        lives.take([finding(number)], float(number))
    all_of_them = lives.take([finding(1_000_000)], 1000.0)
    assert len(all_of_them) == KEPT + 1
    assert not all_of_them[0].over
    assert [one.last_seen for one in all_of_them[1:3]] == [KEPT + 49.0, KEPT + 48.0]


def test_a_pile_of_a_port_is_the_same_one_whoever_holds_most_of_it() -> None:
    assert identity(finding(80, pid=1)) == identity(finding(80, pid=2))
    assert identity(finding(80, netns="a")) != identity(finding(80, netns="b"))
    lone = [Finding("some", Severity.INFO, "", "", 1, (), None, {"port": None, "pid": pid}) for pid in (1, 2)]
    assert identity(lone[0]) != identity(lone[1])
