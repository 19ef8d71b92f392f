"""`tcptriage info`: where files lie, what this user can see, which kernel events there are."""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path
from typing import Any

from capture.safe_text import printable
from tui.arguments.parser import complain
from tui.arguments.screen_commands import info_parser


def run(arguments: list[str]) -> int:
    """Write what is known; returns the exit status."""
    chosen = info_parser().parse_args(arguments)
    if chosen.write_config:
        return _write_configuration()
    facts = collect()
    if chosen.format == "json":
        import msgspec

        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
        return 0
    from capture.cells import left
    from tui.text.language import tr

    for title, entries in facts.items():
        sys.stdout.write(f"{tr(title)}\n")
        for name, value in entries.items():
            values = value if isinstance(value, list) else [value]
            for number, one in enumerate(values or ["none"]):
                sys.stdout.write(f"  {left(tr(name) if not number else '', 22)}{printable(tr(str(one)), 400)}\n")
    return 0


def _write_configuration() -> int:
    """Written once, every entry commented out with what it is and what is allowed."""
    from tui.work.configuration import configuration_file, write_whole
    from tui.work.configuration_page import default_page

    path = configuration_file()
    try:
        if path is None or path.exists():
            complain(f"tcptriage info: there is {path} already" if path else "tcptriage info: there is no home")
            return 2
        write_whole(path, default_page())
    except OSError as error:
        complain(f"tcptriage info: {path}: {(error.strerror or str(error)).lower()}")
        return 2
    sys.stdout.write(f"{printable(str(path))} is written; every entry in it is commented out\n")
    return 0


def collect() -> dict[str, dict[str, Any]]:
    """By heading; a value is a text or a list of texts. Nothing is changed, and nothing stays open."""
    return {"program": _program(), "files": _files(), "this user sees": _sight(), "kernel events": _events()}


def _program() -> dict[str, Any]:
    import capture

    return {
        "version": capture.__version__,
        "installed in": str(Path(capture.__file__).parent.parent),
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, host {socket.gethostname()}",
    }


def _files() -> dict[str, Any]:
    import capture.remote
    from playbooks.loader import user_directory
    from tui.terminal.clipboard import file_folders
    from tui.work.case_file import cases_folder
    from tui.work.configuration import configuration_file, read_configuration
    from tui.work.watch_child import incidents_folder

    settings = read_configuration()
    return {
        "configuration": str(configuration_file() or "none: there is no home"),
        "wrong in it": list(settings.troubles) or "nothing",
        "cases": str(cases_folder() or "none: there is no home"),
        "own playbooks": str(user_directory()),
        "copied texts": [str(folder) for folder in file_folders()],
        "collector (--host)": str(Path(capture.remote.__file__).with_name("collector.py")),
        "incidents (key W)": str(incidents_folder()),
    }


def _sight() -> dict[str, Any]:
    from capture.sockets.socket_watch import Watcher
    from capture.sockets.sources.socket_errors import SourceUnavailable

    user = f"uid {os.geteuid()}" if hasattr(os, "geteuid") else "unknown"
    try:
        with Watcher(exact=True) as watcher:
            look = watcher.look()
    except SourceUnavailable as error:
        return {"user": user, "live connections": f"none: {error}", "packets": _packets()}
    return {
        "user": user,
        "live connections": f"{len(look.rows)} by {look.source}",
        "not seen": list(look.limits) or "nothing is hidden",
        "packets": _packets(),
    }


def _packets() -> str:
    from capture.recorder.packet_ring import PacketRing
    from capture.recorder.recorder_errors import RecorderUnavailable

    try:
        PacketRing().close()
    except RecorderUnavailable as error:
        return f"not to be recorded: {error}"
    return "may be recorded (watch, and the steps of playbooks that look at packets)"


def _events() -> dict[str, Any]:
    from capture.kernel.event_errors import EventsUnavailable
    from capture.kernel.event_source import KernelEvents

    try:
        with KernelEvents() as events:
            return {"there": list(events.names), "missing": list(events.limits) or "nothing"}
    except EventsUnavailable as error:
        return {"there": "none", "missing": str(error)}
