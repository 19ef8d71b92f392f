"""Real faults in a namespace of their own, and the playbook run there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from playbooks.engine import run_checks
from playbooks.model import CheckReport, Fix, Outcome, StepResult
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
