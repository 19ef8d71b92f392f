"""Runs a test in a child process with a network of its own: loopback alone, nobody else's sockets."""

from __future__ import annotations

import ctypes
import functools
import os
import pickle
import signal
import subprocess
import traceback
from collections.abc import Callable

import pytest

CLONE_NEWNET = 0x40000000
TIME_LIMIT_S = 60


def in_own_network(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test as needing root, and runs it in a forked child in a new network namespace with `lo` up."""

    @pytest.mark.root
    @functools.wraps(test)
    def forked(*args: object, **named: object) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root for a network namespace")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _run(test, args, named, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        outcome = pickle.loads(said) if said else "the child died"
        if outcome is not None:
            pytest.fail(outcome, pytrace=False)

    return forked


def enter_new_network() -> None:
    """This process leaves for a new network namespace with loopback up."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _run(test: Callable[..., None], args: tuple[object, ...], named: dict[str, object], writing: int) -> None:
    outcome: str | None
    try:
        signal.alarm(TIME_LIMIT_S)
        os.setpgid(0, 0)
        enter_new_network()
        test(*args, **named)
        outcome = None
    except BaseException:
        outcome = traceback.format_exc()
    with os.fdopen(writing, "wb") as pipe:
        pickle.dump(outcome, pipe)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    os._exit(0)
