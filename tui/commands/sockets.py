"""`tcptriage sockets`: looks at the live connections, written out."""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from tui.arguments.host_commands import sockets_parser
from tui.arguments.parser import complain
from tui.work.process_settings import load_msgspec_alone

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from capture.filters import Filter
    from capture.kernel.looks_with_events import EventLooks, LookEvents
    from capture.sockets.findings.thresholds import Thresholds
    from capture.sockets.snapshot import Snapshot


def run(arguments: list[str]) -> int:
    """Take the looks and write each; returns the exit status."""
    chosen = sockets_parser().parse_args(arguments)
    load_msgspec_alone()
    wanted: Filter | None = None
    if chosen.filter:
        from capture.filters import FilterError, parse

        try:
            wanted = parse(chosen.filter)
        except FilterError as error:
            complain(f"tcptriage sockets: {error}")
            return 2
        for misplaced in wanted.misplaced("socket"):
            complain(f"tcptriage sockets: {misplaced}")
    from capture.sockets.findings.thresholds import Thresholds
    from capture.sockets.sources.socket_errors import RecordingUnreadable, SourceUnavailable

    try:
        from tui.work.configuration import read_configuration

        thresholds = Thresholds().changed((*read_configuration().thresholds, *chosen.threshold))
    except ValueError as error:
        complain(f"tcptriage sockets: {error}")
        return 2
    if chosen.host and (chosen.replay or chosen.record):
        complain("tcptriage sockets: --host goes with neither --replay nor --record")
        return 2
    if chosen.format == "openmetrics" and (chosen.host or chosen.replay or chosen.events or chosen.filter):
        complain("tcptriage sockets: --format openmetrics goes with none of --host, --replay, --events, --filter")
        return 2
    try:
        return _of_hosts(chosen, wanted, thresholds) if chosen.host else _looks(chosen, wanted, thresholds)
    except SourceUnavailable as error:
        complain(f"tcptriage sockets: the live connections cannot be read: {error}")
        return 2
    except BrokenPipeError:
        raise
    except FileExistsError as error:
        complain(f"tcptriage sockets: {error.filename}: there is such a file; name another, or add --overwrite")
        return 2
    except OSError as error:
        complain(f"tcptriage sockets: {error.filename or 'output'}: {error.strerror or error}")
        return 2
    except RecordingUnreadable as error:
        complain(f"tcptriage sockets: cannot read {error}")
        return 2
    except ValueError as error:
        complain(f"tcptriage sockets: {error}")
        return 2


def _of_hosts(chosen: argparse.Namespace, wanted: Filter | None, thresholds: Thresholds) -> int:
    from tui.commands.host_sockets import looks_at_hosts

    keep = wanted.matches_socket if wanted is not None else None
    anonymize = _anonymizer(chosen.anonymize)

    def write(name: str, snapshot: Snapshot, noted: LookEvents | None, first: bool) -> None:
        _write(snapshot, noted, chosen.format, keep, anonymize, first=first, asked=name)

    worst = looks_at_hosts(chosen, thresholds, write)
    if worst < 0:
        return 2
    return _status(chosen.fail_on, worst)


def _status(fail_on: str | None, worst: int) -> int:
    from capture.model import Severity

    return 1 if fail_on and worst <= Severity(fail_on).rank else 0


def _looks(chosen: argparse.Namespace, wanted: Filter | None, thresholds: Thresholds) -> int:
    from tui.work.look_source import open_looker, taker

    keep = wanted.matches_socket if wanted is not None else None
    anonymize = _anonymizer(chosen.anonymize)
    worst = 3
    count = chosen.count or (1 if chosen.replay is None else 1_000_000_000)
    exact = chosen.format in ("json", "openmetrics") or wanted is not None
    looker = open_looker(chosen.replay, all_namespaces=chosen.all_namespaces, exact=exact, thresholds=thresholds)
    record = taker(chosen.record, chosen.overwrite)
    events = _events(chosen)
    try:
        due = time.monotonic()
        if events is not None and count == 1:  # a single look tells of the interval before it
            time.sleep(chosen.interval)
        for look in range(count):
            if look and chosen.replay is None:
                due += chosen.interval
                time.sleep(max(0.0, due - time.monotonic()))
            try:
                snapshot = looker.look()
            except StopIteration:
                break
            record.write(snapshot)
            worst = min([worst, *(finding.severity.rank for finding in snapshot.findings)])
            noted = events.after(snapshot) if events is not None else None
            if noted is not None:
                from capture.kernel.refused_callers import callers_named

                snapshot = callers_named(snapshot, noted.events)
            if chosen.format == "openmetrics" and look < count - 1:
                continue  # one document is of one look: the last, which knows what moved since the first
            _write(snapshot, noted, chosen.format, keep, anonymize, first=look == 0)
    finally:
        looker.close()
        record.close()
        if events is not None:
            events.close()
    return _status(chosen.fail_on, worst)


def _events(chosen: argparse.Namespace) -> EventLooks | None:
    """The kernel's events beside the looks, where they are asked for and the looks are of now."""
    if not chosen.events or chosen.replay is not None:
        return None
    from capture.kernel.looks_with_events import EventLooks

    return EventLooks()


def _write(
    snapshot: Snapshot,
    noted: LookEvents | None,
    format: str,
    keep: Callable[..., bool] | None,
    anonymize: Callable[[str], str] | None,
    *,
    first: bool,
    asked: str = "",
) -> None:
    """One look; `asked` is the host that it is of, as it was named."""
    from capture.sockets.sockets_report import text, write_json

    stream: TextIO = sys.stdout if anonymize is None else io.StringIO()
    if format == "json":
        write_json(snapshot, stream, keep, _keys(noted) | ({"asked": asked} if asked else {}))
    elif format == "openmetrics":
        from capture.sockets.openmetrics import exposition

        stream.write(exposition(snapshot))
    else:
        stream.write(("" if first else "\n") + (f"{asked}: " if asked else "") + text(snapshot))
        if keep is not None:
            stream.write(_matching(snapshot, keep))
        if noted is not None:
            from capture.kernel.events_report import text as events_text

            stream.write(events_text(noted))
    if anonymize is not None and isinstance(stream, io.StringIO):
        sys.stdout.write(anonymize(stream.getvalue()))
    sys.stdout.flush()


def _keys(noted: LookEvents | None) -> dict[str, Any]:
    if noted is None:
        return {}
    from capture.kernel.events_report import keys

    return keys(noted)


def _matching(snapshot: Snapshot, keep: Callable[..., bool], most: int = 50) -> str:
    """With a filter people ask for sockets: list those that match, the longest in their state first."""
    from tui.text.language import tr
    from tui.text.socket_lines import socket_line

    rows = sorted((row for row in snapshot.rows if keep(row)), key=lambda row: -row.age_s)
    lines = [tr("matching  {n} of {all}", n=len(rows), all=len(snapshot.rows))]
    lines += [f"  {socket_line(row)}" for row in rows[:most]]
    if len(rows) > most:
        lines.append("  " + tr("and {n} more", n=len(rows) - most))
    return "\n".join(lines) + "\n"


def _anonymizer(asked: bool) -> Callable[[str], str] | None:
    if not asked:
        return None
    from capture.anonymizing import Anonymizer

    return Anonymizer()
