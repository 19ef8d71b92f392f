"""A line that is recognised has a cure: each program that writes lines, for each symptom that its lines tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.checks.looked import Offer
from playbooks.facts.collecting import collect
from playbooks.fixing import chosen
from playbooks.loader import load_all
from playbooks.run import judge
from playbooks.symptoms.explain_line import explain_line
from playbooks.symptoms.rules import symptoms
from tests.playbooks.symptoms.samples import all_samples

BOOKS = load_all(Path("/nonexistent"))
LINES = [sample.text for sample in all_samples()]
OF_ROW: dict[tuple[str, str, str], list[str]] = {}
for line in LINES:
    if (explained := explain_line(line)) is not None:
        OF_ROW.setdefault((explained.source or "", explained.symptom, explained.playbook), []).append(line)
TABLE = sorted(OF_ROW)


def offered(playbook: str) -> list[str]:
    """What the steps of a playbook may offer, as they state it, and all of its topics."""
    book = BOOKS[playbook]
    return [*(fix.id for fix in book.fixes if not fix.topic), *(f"topic:{topic}" for topic in book.cures)]


def test_the_table_is_a_table() -> None:
    assert len(TABLE) > 150
    assert len({source for source, _, _ in TABLE}) > 25
    assert {symptom for _, symptom, _ in TABLE} == set(symptoms())


@pytest.mark.parametrize(("source", "symptom", "playbook"), TABLE)
def test_each_has_a_cure(source: str, symptom: str, playbook: str) -> None:
    book = BOOKS[playbook]
    identity = (source,) if source else ()
    mine, _ = chosen(book.fixes, [Offer(name, {}, identity) for name in offered(playbook)])
    assert mine, f"{playbook} has nothing for {source or 'anybody'}"
    if source and book.cures and source not in ("kernel", "systemd"):
        theirs = [fix.id for fix in book.fixes if fix.id in mine and source in fix.who]
        assert theirs, f"{playbook}: no cure of {book.cures} is for {source}"


OF_THE_LOG = ("log", "error_log", "access_log", "proxy_log")
BY_THE_HOST = ("nginx-limits", "silent-drop")
"""What they propose are figures of the running server or kernel: a log alone has none."""
READ = [(source, symptom, book) for source, symptom, book in TABLE if "log" in BOOKS[book].settings]


@pytest.mark.parametrize(
    ("source", "symptom", "playbook"), [row for row in READ if row[2] not in BY_THE_HOST and row[0] != "kernel"]
)
def test_a_log_of_such_lines_is_read_and_offers_it(source: str, symptom: str, playbook: str, tmp_path: Path) -> None:
    """Whoever wrote the lines: a playbook that reads nginx's log alone is the end of the road for all others."""
    log = tmp_path / "its.log"
    log.write_text("\n".join(OF_ROW[source, symptom, playbook] * 6) + "\n", "utf-8")
    report = judge(BOOKS[playbook], collect(OF_THE_LOG, {"log": str(log)}))
    assert report.fixes or (not source and report.others), [
        (step.id, step.outcome.value, step.evidence) for step in report.steps
    ]


@pytest.mark.parametrize(
    ("identity", "expected", "others"),
    [
        (("python", "gunicorn"), "patience-gunicorn", "patience-uwsgi"),
        (("python",), "patience-requests", "patience-gunicorn"),
        (("go", "gin"), "patience-go", "patience-java"),
        (("java", "tomcat"), "patience-java", "patience-okhttp-not-there"),
        (("nginx",), "patience-nginx", "patience-haproxy"),
    ],
)
def test_a_process_is_shown_its_own(identity: tuple[str, ...], expected: str, others: str) -> None:
    mine, rest = chosen(BOOKS["timeout-chain"].fixes, [Offer("topic:patience", {}, identity, process=True)])
    assert expected in mine
    assert others not in mine
    assert set(mine).isdisjoint(rest)
    assert next(iter(mine)).startswith("patience-")
    if identity[-1] == "gunicorn":
        assert next(iter(mine)) == "patience-gunicorn", "the narrowest first"


def test_who_is_not_known_is_not_buried() -> None:
    mine, rest = chosen(BOOKS["timeout-chain"].fixes, [Offer("topic:patience", {})])
    assert not mine
    assert len(rest) > 20
