from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from capture import __version__


def info(*words: str, **variables: str) -> str:
    command = [sys.executable, "-m", "tui.cli", "info", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_says_what_there_is() -> None:
    told = json.loads(info("--format", "json", XDG_CONFIG_HOME="/nowhere/config"))
    assert told["program"]["version"] == __version__
    assert told["files"]["own playbooks"].startswith("/nowhere/config/tcptriage")
    assert "by sock_diag" in told["this user sees"]["live connections"]
    assert set(told) == {"program", "files", "this user sees", "kernel events"}


@pytest.mark.skipif(os.geteuid() != 0, reason="root sees them")
def test_root_is_told_which_kernel_events_there_are() -> None:
    told = json.loads(info("--format", "json"))["kernel events"]
    assert "tcp:tcp_send_reset" in told["there"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_a_user_is_told_what_root_would_see() -> None:
    text = info()
    assert "run as root" in text
