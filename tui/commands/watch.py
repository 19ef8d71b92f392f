"""`tcptriage watch`: the flight recorder."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from typing import TYPE_CHECKING

from capture.language import choose, speaking
from tui.arguments.host_commands import watch_parser
from tui.arguments.parser import complain
from tui.text.language import tr
from tui.work.process_settings import for_weeks

if TYPE_CHECKING:
    import argparse

    from capture.recorder.flight_recorder import FlightRecorder
    from capture.recorder.privileges import User
    from capture.remote.recorded_host import RecordedHost

READABLE = ("/proc/self", "/sys/devices/system/cpu", "/usr", "/bin", "/lib", "/lib64", "/etc")
"""What an interpreter reads; the one of the bundle is started by a shell."""

REASONS = (
    "packets: {why}: run as root",
    "packets: {why}",
    "ends of connections: {why}: run as root",
    "ends of connections: {why}",
    "no tracing instance can be made ({why}): run as root",
    "tracefs cannot be opened ({why}): run as root",
    "tracefs is not mounted and cannot be mounted ({why}): run as root",
    "this kernel has none of the events: {why}",
    "{path}: {n} bytes were passed over: it grew faster than it was read",
    "{path}: no regular file: what is written there cannot be read twice",
)
"""Why something is not recorded, as `capture` says it."""


def run(arguments: list[str]) -> int:
    """Record until the end; returns the exit status."""
    chosen = watch_parser().parse_args(arguments)
    choose("en")  # what it tells goes into manifest.json; the report is a program of its own
    from capture.recorder.flight_recorder import FlightRecorder
    from capture.recorder.housekeeping import make_out
    from capture.recorder.options import Options
    from capture.recorder.privileges import user_to_become
    from capture.recorder.triggers import parse_triggers
    from capture.sockets.sources.socket_errors import SourceUnavailable
    from playbooks.symptoms.explain_line import explain_line
    from playbooks.symptoms.rules import symptoms

    try:
        with speaking(chosen.lang):
            triggers = parse_triggers(chosen.on, bool(chosen.log), symptoms())
    except ValueError as error:
        complain(f"tcptriage watch: {error}")
        return 2
    logs = tuple(os.path.abspath(path) for path in chosen.log)

    def recognise(line: str) -> str | None:
        explained = explain_line(line)
        return explained.symptom if explained is not None else None

    options = Options(
        out=os.path.abspath(chosen.out),
        triggers=triggers,
        recognise=recognise,
        ports=tuple(sorted(set(chosen.port))),
        logs=logs,
        seconds=chosen.duration,
        before_s=chosen.before,
        after_s=chosen.after,
        keep_bytes=chosen.keep,
        incidents=chosen.incidents,
        interval_s=chosen.interval,
        anonymize=chosen.anonymize,
        report=(sys.executable, "-m", "tui.cli", "report", "--format", "md", "--lang", chosen.lang),
        readable=(*READABLE, *_own_code()),
        tell=_tell,
        language=chosen.lang,
    )
    user = user_to_become() if chosen.host is None else None  # ssh has the keys of who asked
    try:
        make_out(options.out, user[:2] if user is not None else None)
        origin = _other_host(chosen) if chosen.host is not None else None
        recorder = FlightRecorder(options, origin)
    except SourceUnavailable as error:
        complain(f"tcptriage watch: {chosen.host}: {error}")
        return 2
    except (OSError, ValueError) as error:
        complain(f"tcptriage watch: {options.out}: {getattr(error, 'strerror', None) or error}")
        return 2
    recorder.heed_signals()
    with speaking(chosen.lang):
        _start(recorder, options.out, user)
    for_weeks()
    recorder.run()
    return 0


def _other_host(chosen: argparse.Namespace) -> RecordedHost:
    from capture.recorder.packet_filter import packet_filter
    from capture.recorder.packet_ring import SNAP
    from capture.remote.recorded_host import RecordedHost
    from capture.remote.transport import OWN_PORT
    from tui.work.host_collectors import open_hosts

    wanted = packet_filter(tuple(sorted(set(chosen.port))), SNAP, without=OWN_PORT)
    (host,) = open_hosts(
        [chosen.host], chosen.ssh, sudo=chosen.sudo, interval=chosen.interval, count=None, events=True, packets=wanted
    )
    return RecordedHost(host)


def _start(recorder: FlightRecorder, out: str, user: User | None) -> None:
    """Give up what is no longer needed, and say what is recorded, and what is not."""
    from capture.recorder.privileges import become

    as_whom = ""
    if user is not None:
        # who owns the folder writes into it: without capabilities even root is no more than that
        owner = os.stat(out)
        become(user._replace(uid=owner.st_uid, gid=owner.st_gid))
        as_whom = tr(" (as user {uid}, with no capability but to look)", uid=owner.st_uid)
    _tell(tr("recording into {out}", out=out) + as_whom)
    for note in recorder.rings.troubles():
        _tell(tr("not recorded: {note}", note=_in_words(note)))


def _in_words(note: str) -> str:
    """In the language that is spoken; manifest.json has it in English."""
    for reason in REASONS:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(reason))
        if found := re.fullmatch(pattern, note):
            return tr(reason, **found.groupdict())
    return note


def _own_code() -> list[str]:
    """Where this program and its interpreter lie: the report of an incident is a program of its own."""
    import capture

    own = os.path.dirname(os.path.dirname(capture.__file__))
    places = {own, sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), os.path.dirname(sys.executable)}
    return sorted({os.path.realpath(place) for place in (*places, *sys.path) if place})


def _tell(sentence: str) -> None:
    complain(f"tcptriage watch: {sentence}")
