"""All playbooks where there is nothing to see, or where it may not be seen: no pass that was not looked at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playbooks.facts.collecting import collect
from playbooks.facts.facts import PARTS, Absence, Facts
from playbooks.loader import load_all
from playbooks.model import Outcome
from playbooks.run import judge

BOOKS = load_all(Path("/nonexistent"))

# All of them side by side in one process, most of which wait. Everything is loaded before the privilege goes: this
# interpreter may lie where nobody else may read.
RUN = """
import importlib, json, os, pkgutil, sys
import encodings.idna
from concurrent.futures import ThreadPoolExecutor
import capture, crossplane, playbooks
from capture.sockets.sources import counters
from capture.sockets.findings import finding_words
from capture.sockets import limits
from capture.verdicts import catalogue
from playbooks.evidence_words import say
from playbooks.run import run_checks
from playbooks.loader import load_all
from playbooks.check_report import document
for package in (capture, playbooks):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith((".collector", "_engine")):  # a program for other hosts; a library without Python
            importlib.import_module(module.name)
say("no_log"); limits._catalogue(); finding_words._catalogue(); counters._catalogue(); catalogue.causes()
catalogue._sentences()
books = load_all()
from playbooks.symptoms.explain_line import explain_line
explain_line("write: broken pipe")
if "nobody" in sys.argv:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
given = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
def run(book):
    takes = (*book.settings, "capture")
    return document(run_checks(book, {key: value for key, value in given.items() if key in takes}))
with ThreadPoolExecutor(len(books)) as pool:
    print(json.dumps(list(pool.map(run, books.values()))))
"""

SETTINGS = {"send-buffer", "keepalive-settings", "conntrack", "open-files-of-system"}
"""Checks of the kernel's settings and of the whole machine's files: there on any host, for anybody."""
COUNTERS = {"counters-moved", "listen-counters", "syn-defences", "connecting-now"}
"""Checks of the kernel's counters, which were read twice."""
RULES = {"firewall-rules", "resetting-rules"}
"""The ruleset of a namespace, which was read whole: root only."""
PROCESSES = {"open-files-of-processes", "lost-sockets"}
OF_THE_LOG = ("log", "error_log", "access_log", "proxy_log")
CHECKS = {(book.name, step.id): step.check for book in BOOKS.values() for step in book.steps}

Documents = list[dict[str, Any]]


def swept(*arguments: str, inside: tuple[str, ...] = ()) -> Documents:
    if inside and (os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("unshare", "ip"))):
        pytest.skip("needs root, unshare and ip")
    done = subprocess.run(
        [*inside, sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, timeout=110,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    if inside and "Operation not permitted" in done.stderr and "unshare" in done.stderr:
        pytest.skip("may not make namespaces here")
    assert done.returncode == 0, done.stderr
    found: Documents = json.loads(done.stdout)
    assert {document["playbook"] for document in found} >= set(BOOKS)
    return found


def passed(documents: Documents) -> set[str]:
    """The checks that passed. What is common to all passes is held here."""
    found = set()
    for document in documents:
        for step in document["steps"]:
            if step["outcome"] == "pass":
                scope, said = step["scope"], " ".join(step["evidence"])
                assert scope["host"] or scope["capture"] or scope["log"], step
                assert said, step
                assert "0 of 0" not in said, step
                found.add(CHECKS[document["playbook"], step["id"]])
    return found


EMPTY = ("unshare", "-npf", "--mount-proc", "sh", "-c", 'ip link set lo up && "$@"', "sh")
"""Nobody's sockets and processes but this test's: an empty host, and how a container looks from inside."""


def test_with_nothing_collected_nothing_passes() -> None:
    for kind in ("unreadable", "not_given", "not_here", "elsewhere"):
        absent = {part: Absence(kind, "why") for part in PARTS}  # type: ignore[arg-type]
        for settings in ({}, {"pid": "1"}, {"port": "80", "host": "10.0.0.1"}):
            facts = Facts("h", 1.0, False, settings, absent=absent)
            for book in BOOKS.values():
                for step in judge(book, facts).steps:
                    assert step.outcome in (Outcome.UNKNOWN, Outcome.MANUAL), f"{book.name} {step.id}"
                    assert not step.scope or kind == "unreadable"


def test_on_an_empty_host_or_in_an_empty_container() -> None:
    assert passed(swept(inside=EMPTY)) <= SETTINGS | COUNTERS | RULES | PROCESSES


def test_as_nobody_on_an_empty_host() -> None:
    assert passed(swept("nobody", inside=EMPTY)) <= SETTINGS | COUNTERS | {"open-files-of-processes"}


def test_as_root_of_a_user_namespace() -> None:
    inside = ("unshare", "-Urnpf", "--mount-proc")
    assert passed(swept(inside=inside)) <= SETTINGS | COUNTERS | RULES | PROCESSES


LOGS = {
    "empty": b"",
    "zeros": bytes(4096),
    "no log": b"\x7fELF" + bytes(range(256)) * 16,
    "haproxy": b"Nov 30 10:00:01 lb haproxy[811]: 10.0.0.7:51234 [30/Nov/2026:10:00:01.123] fe be/s1 0/0/1/-1/5 502 "
    b'209 - - SH-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"\n',
    "cron": b"Nov 30 10:00:01 web1 CRON[1]: (root) CMD (run-parts)\n" * 3,
}


@pytest.mark.parametrize("kind", LOGS)
def test_with_a_log_of_the_wrong_program(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(LOGS[kind])
    facts = {
        takes: collect(OF_THE_LOG, {"log": str(log)} if takes else {}) for takes in (True, False)
    }  # nothing else is looked at: what passes rests on it
    reports = {book.name: judge(book, facts["log" in book.settings]) for book in BOOKS.values()}
    passes = {
        CHECKS[name, step.id]
        for name, report in reports.items()
        for step in report.steps
        if step.outcome is Outcome.PASS and step.scope.log
    }
    # cron's lines are text, none of them is an error of a connection: an application's log may look like that
    assert passes <= ({"log-symptoms"} if kind == "cron" else set())


def test_without_permission(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be denied something")
    tmp_path.chmod(0o700)
    for name in ("x.log", "x.pcap", "nginx.conf"):
        (tmp_path / name).write_text("secret\n")
    found = swept("nobody", f"log={tmp_path}/x.log", f"capture={tmp_path}/x.pcap", f"config={tmp_path}/nginx.conf")
    assert passed(found) == set()
    assert all(step["outcome"] in ("unknown", "manual") for document in found for step in document["steps"])
