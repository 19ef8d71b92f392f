"""`tcptriage [FILE…]`: check what can be checked without a screen, then open it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tui.arguments.parser import complain
from tui.arguments.screen_commands import dashboard_parser
from tui.text.language import tr
from tui.work.named_files import is_log, unreadable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from capture.remote.host import Host
    from tui.work.investigation import Request

NO_KEYS = "standard input is a capture and there is no terminal to ask for keys; try `tcptriage report -`"


def run(arguments: list[str]) -> int:
    """Open the dashboard; returns the exit status."""
    from capture import __version__

    chosen = dashboard_parser(__version__).parse_args(arguments)  # --version and --help leave here
    from tui.work.configuration import read_configuration
    from tui.work.investigation import Request

    settings = read_configuration()
    keeper = None
    chosen.interval = chosen.interval or settings.interval or 1.0
    try:
        if chosen.resume is not None:
            from tui.commands.resume import take_up_case

            keeper = take_up_case(chosen)
        hosts = _hosts(chosen)
    except ValueError as error:
        complain(f"tcptriage: {error}")
        return 2
    fleet = _fleet(chosen.files)
    log = chosen.files[0] if len(chosen.files) == 1 and is_log(chosen.files[0]) else None
    _sort_out(chosen)
    return open_screen(
        Request(
            files=() if fleet or log else tuple(chosen.files),
            fleet=fleet,
            log=log,
            join=chosen.join,
            filter=chosen.filter,
            interval=chosen.interval,
            all_namespaces=chosen.all_namespaces,
            replay=chosen.replay,
            hosts=hosts,
            thresholds=(*settings.thresholds, *chosen.threshold),
            ssh=chosen.ssh,
            sudo=chosen.sudo,
            keep_case=True,
            keeper=keeper,
        ),
        chosen,
    )


def _sort_out(chosen: argparse.Namespace) -> None:
    """A recording of looks is played in the live mode, and so are the looks of an incident."""
    if chosen.replay or not chosen.files:
        return
    from tui.work.recorded_looks import looks_beside

    chosen.files, chosen.replay = looks_beside(chosen.files)


def _fleet(files: Sequence[str]) -> str | None:
    """The one folder that was named, if `tcptriage fleet` made it."""
    if len(files) != 1 or not os.path.isdir(files[0]):
        return None
    from capture.fleet.manifest import manifest_of

    return files[0] if manifest_of(files[0]) is not None else None


def _hosts(chosen: argparse.Namespace) -> tuple[Host, ...]:
    """Collectors on other hosts, started before the screen so that ssh can ask. Raises ValueError."""
    if not chosen.host or not os.isatty(0):
        return ()
    from tui.work.host_collectors import open_hosts

    return tuple(open_hosts(chosen.host, chosen.ssh, sudo=chosen.sudo, interval=chosen.interval, count=None))


def open_screen(request: Request, chosen: argparse.Namespace) -> int:
    """Run the app for a request; `chosen` holds the options that every screen has."""
    from dataclasses import replace

    from tui.work.configuration import read_configuration

    why = first_complaint(request) if request.keeper is None else None  # its evidence is there without its files
    if why:
        complain(f"tcptriage: {why}")
        return 2
    if "-" in request.files:
        from tui.work.standard_input import StandardInput

        try:
            request = replace(request, stdin=StandardInput.moved_aside())
        except OSError:
            complain(f"tcptriage: {NO_KEYS}")
            return 2
    if not all(map(os.isatty, (0, 1, 2))):  # of standard output a report is expected, not a screen beside it
        complain("tcptriage: " + tr("the dashboard needs a terminal; try `tcptriage report` or `tcptriage sockets`"))
        return 2
    from tui.terminal.detection import prepare_textual, terminal_of
    from tui.work.process_settings import for_a_quick_start

    for_a_quick_start()
    settings = read_configuration()
    request = replace(request, columns=settings.columns, keys=settings.keys, warnings=settings.troubles)
    terminal = terminal_of(
        os.environ,
        ascii=chosen.ascii or bool(settings.ascii),
        mouse=chosen.mouse and settings.mouse is not False,
        theme=chosen.theme or settings.theme,
    )
    prepare_textual(terminal)
    from tui.app import TriageApp

    app = TriageApp(request, terminal)
    try:
        status = app.run(mouse=terminal.mouse)
    finally:
        if request.stdin is not None:
            request.stdin.remove()
    if app.failure:
        complain(f"tcptriage: {app.failure}")
    elif app.reopen:
        from tui.commands.resume import reopen

        reopen(app.reopen, chosen)
    elif app.case.name and app.investigation.items and app.return_code in (0, 130):
        complain("tcptriage: " + tr("case {name} is kept; `tcptriage --resume` goes on with it", name=app.case.name))
    sys.stdout.flush()
    return app.return_code or 0 if status is None else status


def first_complaint(request: Request) -> str | None:
    """What is wrong with the request, in one line, as far as it costs nothing to know."""
    if request.filter:
        from capture.filters import FilterError, parse

        try:
            parse(request.filter)
        except FilterError as error:
            return str(error)
    if request.thresholds:
        from capture.sockets.findings.thresholds import Thresholds

        try:
            Thresholds().changed(request.thresholds)
        except ValueError as error:
            return str(error)
    for path in (*request.files, *(request.compare or ()), *((request.replay,) if request.replay else ())):
        if path != "-" and (why := unreadable(path, capture=path != request.replay)):
            return why
    return None
