"""Connections that belong together: one history is told once, and strangers stay strangers."""

from __future__ import annotations

from capture.verdicts.events.relations import relations_of
from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table

CLIENT, SERVER, OTHER, PROXY_OUT, UPSTREAM = 0x0A000001, 0x0A000002, 0x0A000009, 0x0A000102, 0x0A000103
RESET = "cS sSA cA cPA20 sA sPA50 cA <0.3>sRAt"
GAVE_UP = "cS sSA cA cPA300 sA <0.8>cFA sFA cA"
MET_A_RESET = "cS sSA cA cPA310 sA <0.79>cFA sA <1>sPA40 cR"


def test_the_same_numbers_under_another_address_are_one_connection() -> None:
    table = flow_table(RESET, RESET, NORMAL, servers=[SERVER, OTHER, OTHER], isns=[7, 7, 8], starts=[0, 0.001, 0])
    verdicts = judge(table)
    assert verdicts.relations.same_as == {1: 0}
    findings = find_groups(table, verdicts)
    assert [(f.code, f.connections, f.sample) for f in findings] == [("aborted", 1, (0,)), ("seen_again", 1, (1,))]
    assert verdicts.causes() == ["aborted", "aborted", "normal_close"]
    assert verdicts.count(lambda t: t.diagnosis.cause) == {"aborted": 1, "normal_close": 1}
    assert verdicts.badness[0] > verdicts.badness[1] == 0


def test_the_same_numbers_later_or_in_the_same_place_are_others() -> None:
    later = flow_table(RESET, RESET, servers=[SERVER, OTHER], isns=[7, 7], starts=[0, 1.1])
    assert relations_of(later).same_as == {}
    assert relations_of(flow_table(RESET, RESET, servers=[SERVER, OTHER])).same_as == {}
    assert relations_of(flow_table(RESET, RESET, isns=[7, 7])).same_as == {}  # a stack whose numbers repeat


def test_an_answer_from_another_address_is_one_story() -> None:
    table = flow_table("cS <1>cS* <2>cS*", "sSA cR", servers=[SERVER, OTHER], isns=[7, 7], starts=[0, 0.001])
    table.port[1] = table.port[0]
    table.numbers.first_ack[1] = (1000 + 7 * 100_003) + 1
    verdicts = judge(table)
    assert verdicts.relations.elsewhere == {0: 1, 1: 0}
    first, second = verdicts.of(0), verdicts.of(1)
    assert "10.0.0.9 answered in the server's place" in first.sentence
    assert "which had asked 10.0.0.2" in second.sentence
    assert [(f.code, f.connections) for f in find_groups(table, verdicts)] == [("syn_unanswered", 1), ("seen_again", 1)]
    table.numbers.first_ack[1] += 1  # it acknowledges something else
    assert relations_of(table).elsewhere == {}


def chained(fronts: list[str], backs: list[str], delay: float = 0.002) -> tuple[list[str], dict[str, list]]:  # type: ignore[type-arg]
    n = len(fronts)
    return [*fronts, *backs], {
        "clients": [CLIENT] * n + [PROXY_OUT] * len(backs),
        "servers": [SERVER] * n + [UPSTREAM] * len(backs),
        "ports": [80] * n + [8000] * len(backs),
        "starts": [10.0 * i for i in range(n)] + [10 * i + 0.004 + delay for i in range(len(backs))],
    }


def test_the_two_hops_of_a_request_are_one_finding() -> None:
    texts, more = chained([GAVE_UP] * 5, [MET_A_RESET] * 5)
    table = flow_table(*texts, **more)
    verdicts = judge(table)
    assert {(c.front, c.back, c.sure) for c in verdicts.relations.chains.values()} == {
        (i, i + 5, True) for i in range(5)
    }
    (finding,) = find_groups(table, verdicts)
    assert finding.code == "client_gave_up"
    assert finding.sample == (0, 1, 2, 3, 4)
    assert "closed the connection to its upstream 10.0.1.3:8000" in finding.text
    assert "5 requests" in finding.text


def test_an_upstream_that_fails_comes_first() -> None:
    texts, more = chained(["cS sSA cA cPA300 sA <0.1>sFA cFA sA"] * 4, ["cS sRA"] * 4)
    (finding,) = find_groups(table := flow_table(*texts, **more), judge(table))
    assert (finding.code, finding.connections) == ("refused", 4)
    assert "The clients' 4 requests at the proxy 10.0.0.2 ended with them" in finding.text


def test_strangers_are_no_chain() -> None:
    slow, more = chained([GAVE_UP] * 5, [MET_A_RESET] * 5, delay=1.2)  # later than any proxy passes on
    assert relations_of(flow_table(*slow, **more)).chains == {}
    large = MET_A_RESET.replace("310", "1200")
    texts, more = chained([GAVE_UP] * 5, [large] * 5)
    assert relations_of(flow_table(*texts, **more)).chains == {}
    texts, more = chained([GAVE_UP] * 5, [MET_A_RESET] * 5)
    more["clients"] = [CLIENT] * 10  # a client of both
    assert relations_of(flow_table(*texts, **more)).chains == {}
    answered = "cS sSA cA cPA300 sPA9 cA <0.8>cFA sFA cA"  # its answer had come
    texts, more = chained([answered] * 5, [MET_A_RESET] * 5, delay=0.01)
    assert relations_of(flow_table(*texts, **more)).chains == {}


def test_a_pairing_that_is_not_the_only_one_is_not_sure() -> None:
    texts, more = chained([GAVE_UP] * 2, [MET_A_RESET] * 2)
    more["starts"] = [0.0, 0.001, 0.006, 0.007]
    chains = relations_of(flow_table(*texts, **more)).chains
    assert (chains[0].back, chains[0].sure) == (2, False)
    assert (chains[1].back, chains[1].sure) == (3, True)
