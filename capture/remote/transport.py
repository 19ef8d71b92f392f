"""The command line that runs the collector on a host: ssh as the user has set it up, or a container's exec."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from importlib import resources
from typing import Final

CONNECT_S: Final = 10
OPTIONS: Final = (
    "-T",
    "-o",
    f"ConnectTimeout={CONNECT_S}",
    "-o",
    "ServerAliveInterval=5",
    "-o",
    "ServerAliveCountMax=3",
)
BATCH: Final = ("-o", "BatchMode=yes")
THERE: Final = "command -v python3 >/dev/null 2>&1 || { echo 'no python3 there' >&2; exit 127; }; exec "
PYTHON: Final = THERE + "python3 -I -S -u -"
ROOT: Final = THERE + "sudo -n python3 -I -S -u -"
FOREVER: Final = 1 << 40
NAME: Final = re.compile(r"[A-Za-z0-9_@.:%\[\]/~+-]{1,255}")


def command_for(host: str, ssh: str = "ssh", *, sudo: bool = False, batch: bool = True) -> list[str]:
    """The words to run. `host` is as ssh takes it, docker:NAME, podman:NAME or kubectl:[NAMESPACE/]POD. `batch`: ask
    the user nothing. Raises ValueError for what can be no host."""
    kind, colon, name = host.partition(":")
    shell = ["sh", "-c", ROOT if sudo else PYTHON]
    if colon and kind in ("docker", "podman"):
        return [kind, "exec", "-i", _checked(name), *shell]
    if colon and kind == "kubectl":
        namespace, slash, pod = name.rpartition("/")
        return ["kubectl", "exec", "-i", *(("-n", _checked(namespace)) if slash else ()), _checked(pod), "--", *shell]
    words = shlex.split(ssh)
    if not words:
        raise ValueError("--ssh names no command")
    return [*words, *OPTIONS, *(BATCH if batch else ()), "--", _checked(host), shlex.join(shell)]


def program(interval: float, count: int | None) -> bytes:
    """The collector, to be written to its standard input."""
    text = resources.files("capture.remote").joinpath("collector.py").read_text()
    return f"INTERVAL, COUNT = {interval!r}, {count or FOREVER}\n{text}".encode()


def _checked(name: str) -> str:
    """No option and nothing that a shell would read: names of hosts, users, addresses, containers."""
    if name.startswith("-") or not NAME.fullmatch(name):
        raise ValueError(f"{name!r} can be no host")
    return name


def reason(words: Sequence[str], said: bytes, status: int | None) -> str:
    """Why the command ended, from the last line that it said."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    if lines:
        return lines[-1][:300]
    return f"{words[0]} ended with status {status}" if status is not None else f"{words[0]} says nothing"
