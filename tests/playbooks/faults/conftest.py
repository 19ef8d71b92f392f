"""Real faults in a namespace of their own, and the playbook run there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from playbooks.model import CheckReport, Fix, Outcome, StepResult
from playbooks.run import run_checks
from tests.lab.harness.namespaces import Namespace


@pytest.fixture
def host() -> Iterator[Namespace]:
    """A network namespace with loopback up: the machine that has the fault."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    missing = [tool for tool in ("ip", "ss") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    made = Namespace("playbooks")
    try:
        yield made
    finally:
        made.remove()


class Checked:
    """One run of a playbook inside a namespace."""

    def __init__(self, host: Namespace, name: str, settings: dict[str, str]) -> None:
        with host.entered():
            self.report: CheckReport = run_checks(name, settings)

    def step(self, name: str) -> StepResult:
        return next(step for step in self.report.steps if step.id == name)

    def outcome(self, name: str) -> Outcome:
        return self.step(name).outcome

    def evidence(self, name: str) -> str:
        return "\n".join(self.step(name).evidence)

    def cured(self, *steps: str) -> bool:
        """Nothing fails, and these steps pass. Others may be unknown right after a cure: nothing moved for them yet."""
        return self.report.exit_status != 1 and all(self.outcome(step) is Outcome.PASS for step in steps)

    def fix(self, name: str) -> Fix:
        return next(fix for fix in self.report.fixes if fix.id == name)


@pytest.fixture
def check(host: Namespace) -> Callable[..., Checked]:
    """check(NAME, key=value…): the playbook, run where the fault is."""
    return lambda name, **settings: Checked(host, name, {key: str(value) for key, value in settings.items()})


@pytest.fixture
def shell(host: Namespace) -> Callable[[str], str]:
    """A fix's `apply` or `undo`, run as it is printed, where the fault is."""

    def run(command: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", host.name, "sh", "-ec", command], capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    return run


TCPTRIAGE = "import sys; from tui.cli import program; sys.exit(program())"
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class CommandResult:
    """What the real command said: its exit status and its JSON."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.steps = {step["id"]: step for step in document["steps"]}
        self.fixes = {fix["id"]: fix for fix in document["fixes"]}

    def outcome(self, step: str) -> Outcome:
        return Outcome(self.steps[step]["outcome"])

    def evidence(self, step: str) -> str:
        return "\n".join(self.steps[step]["evidence"])


@pytest.fixture
def tcptriage(host: Namespace) -> Callable[..., CommandResult]:
    """tcptriage(NAME, key=value…): `tcptriage check NAME --format json`, where the fault is; `nobody` drops root."""

    def run(name: str, nobody: bool = False, inside: Namespace = host, **settings: object) -> CommandResult:
        command = (sys.executable, "-c", TCPTRIAGE)
        given = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        user = AS_NOBODY if nobody else ()
        if nobody and subprocess.run([*user, sys.executable, "-c", "import tui.cli"], capture_output=True).returncode:
            pytest.skip("nobody may not run this interpreter here")
        done = subprocess.run(
            ["ip", "netns", "exec", inside.name, *user, *command, "check", name, "--format", "json", *given],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode in (0, 1, 3), done.stderr
        return CommandResult(done.returncode, json.loads(done.stdout))

    return run
