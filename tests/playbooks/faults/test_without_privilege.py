"""As an ordinary user: what cannot be seen is unknown with the reason, never a pass."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.servers import LEAK, running
from tests.playbooks.faults.test_leaks import connect

# Everything is imported and read before the privilege goes: this interpreter may lie where nobody else may read.
DROPPED = """
import importlib, os, pkgutil, sys
import encodings.idna
import capture, crossplane, playbooks
from capture.sockets.sources import counters
from capture.sockets.findings import finding_words
from capture.sockets import limits
from playbooks.evidence_words import say
from playbooks.run import run_checks
from playbooks.loader import load_all
for package in (capture, playbooks):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith((".collector", "_engine")):  # a program for other hosts; a library without Python
            importlib.import_module(module.name)
load_all(); say("no_log"); limits._catalogue(); finding_words._catalogue(); counters._catalogue()
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
for argument in sys.argv[1:]:
    name, _, rest = argument.partition(" ")
    settings = dict([rest.split("=")]) if rest else {}
    report = run_checks(name, settings)
    print(name, report.exit_status, *[f"{step.id}:{step.outcome}" for step in report.steps])
    print(*[text for step in report.steps for text in step.evidence])
"""


def test_nobody_sees_a_pile_but_not_whose(host: Namespace, check: Callable[..., object]) -> None:
    with running(host, LEAK, 8401) as server:
        for sock in [connect(host, 8401) for _ in range(15)]:
            sock.close()
        done = subprocess.run(
            ["ip", "netns", "exec", host.name, sys.executable, "-c", DROPPED, "close-wait",
             f"close-wait pid={server.pid}", "silent-drop"],
            capture_output=True, text=True, timeout=60, cwd=os.getcwd(),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    whole, said, one, why, drop, firewall = done.stdout.splitlines()
    assert whole.startswith("close-wait 1 ")
    assert "pile:fail" in whole
    assert "a process of user 0 holds 15 sockets" in said
    assert "run with sudo" in said
    assert one.startswith("close-wait 3 ")
    assert "pile:unknown" in one
    assert f"those of process {server.pid}" in why
    assert drop.startswith("silent-drop 3 unanswered:pass firewall:unknown")
    assert "run with sudo" in firewall
