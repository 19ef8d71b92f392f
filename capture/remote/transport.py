"""The command line that runs the collector on a host: ssh as the user has set it up, or a container's exec."""

from __future__ import annotations

import math
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
PYTHON: Final = "python3 -I -S -u -"
CHOICE: Final = "if command -v python3 >/dev/null 2>&1; then exec {python}; fi\n"
"""Where there is no python3, the shell itself reads the text of /proc (shell_collector.sh)."""
FOREVER: Final = 1 << 40
OWN_PORT: Final = 65534
"""In a filter of packets: the port of the very connection that takes them home (collector_packets.py puts it in)."""
NAME: Final = re.compile(r"[A-Za-z0-9_@.:%\[\]/~+-]{1,255}")


def command_for(
    host: str,
    ssh: str = "ssh",
    *,
    sudo: bool = False,
    batch: bool = True,
    interval: float = 1.0,
    count: int | None = None,
) -> list[str]:
    """The words to run. `host` is as ssh takes it, docker:NAME, podman:NAME or kubectl:[NAMESPACE/]POD. `batch`: ask
    the user nothing. Raises ValueError for what can be no host."""
    kind, colon, name = host.partition(":")
    shell = [*(("sudo", "-n") if sudo else ()), "sh", "-c", _script(interval, count)]
    if colon and kind in ("docker", "podman"):
        return [kind, "exec", "-i", _checked(name), *shell]
    if colon and kind == "kubectl":
        namespace, slash, pod = name.rpartition("/")
        return ["kubectl", "exec", "-i", *(("-n", _checked(namespace)) if slash else ()), _checked(pod), "--", *shell]
    words = shlex.split(ssh)
    if not words:
        raise ValueError("--ssh names no command")
    return [*words, *OPTIONS, *(BATCH if batch else ()), "--", _checked(host), shlex.join(shell)]


def program(interval: float, count: int | None, events: bool = False, packets: bytes = b"") -> bytes:
    """The collector, to be written to its standard input. `packets`: the filter of those that it takes, if any."""
    wanted = wanted_events() if events else ()
    chosen = (("collector_events.py", events), ("collector_packets.py", packets), ("collector.py", True))
    names = [name for name, asked in chosen if asked]
    parts = [resources.files("capture.remote").joinpath(name).read_text() for name in names]
    before = f"INTERVAL, COUNT = {interval!r}, {count or FOREVER}\nEVENTS, FILTER = {wanted!r}, {packets!r}"
    return "\n".join((before, *parts)).encode()


def wanted_events() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(path, filter, reasons whose numbers on that host stand for REASONS in the filter) of each tracepoint."""
    from capture.kernel.formats import Format
    from capture.kernel.records import DROPS, WANTED

    # the numbers of reasons are that kernel's own: here each is its name's place among all
    here = Format(0, {}, {"reason": dict(enumerate(DROPS))})
    wanted = []
    for one in WANTED.values():
        words = one.filter(here) or ""
        chosen = " || ".join(f"reason=={number}" for number in range(len(DROPS)))
        wanted.append((one.path, words.replace(chosen, "REASONS"), DROPS if chosen in words else ()))
    return tuple(wanted)


def _script(interval: float, count: int | None) -> str:
    """For the shell there: python3 with the collector, or the text of /proc."""
    text = resources.files("capture.remote").joinpath("shell_collector.sh").read_text()
    lines = "".join(f"{line}\n" for line in text.splitlines() if line and not line.startswith("#"))
    # whole seconds: not every sleep knows others
    return CHOICE.format(python=PYTHON) + f"COUNT={count or FOREVER} INTERVAL={max(1, math.ceil(interval))}\n" + lines


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
