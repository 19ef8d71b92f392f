"""Everything the command line accepts in one parser: what shell completion is made of."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from tui.arguments import capture_commands, host_commands, playbook_commands, screen_commands

FILES = frozenset({"files", "paths", "a", "b", "log", "replay", "record", "output"})
FOLDERS = frozenset({"out"})
ABOUT = {
    "report": "connections, verdicts and findings of captures",
    "sockets": "TCP connections and what is wrong with them",
    "explain": "name the error in a log line",
    "compare": "the same connections captured at two points",
    "fleet": "many captures to one data set of Parquet files",
    "playbooks": "list the playbooks",
    "playbook": "open one playbook",
    "check": "run a playbook's automatic steps",
    "watch": "the flight recorder",
    "cases": "what earlier runs kept",
    "demo": "the whole way, on recordings that ship",
    "completion": "words for the shell to complete",
    "info": "where files lie, what this user can see",
}


def parsers() -> Mapping[str, argparse.ArgumentParser]:
    """The parser of each command."""
    return {
        "report": capture_commands.report_parser(),
        "sockets": host_commands.sockets_parser(),
        "explain": playbook_commands.explain_parser(),
        "compare": capture_commands.compare_parser(),
        "fleet": capture_commands.fleet_parser(),
        "playbooks": playbook_commands.playbooks_parser(),
        "playbook": playbook_commands.playbook_parser(),
        "check": playbook_commands.check_parser(),
        "watch": host_commands.watch_parser(),
        "cases": screen_commands.cases_parser(),
        "demo": screen_commands.demo_parser(),
        "completion": screen_commands.completion_parser(),
        "info": screen_commands.info_parser(),
    }


def whole_parser(version: str, playbooks: list[str]) -> argparse.ArgumentParser:
    """All commands below one, with what completes each argument."""
    import shtab  # the man page is written where it is not installed

    plain = argparse.ArgumentParser(prog="tcptriage", add_help=False)
    _take(plain, screen_commands.dashboard_parser(version), but=("files",))
    commands = plain.add_subparsers(dest="command")
    for name, parser in parsers().items():
        _take(commands.add_parser(name, help=ABOUT[name], add_help=False), parser)
    for action in _actions(plain):
        if action.dest in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest == "name" and action.choices is None:
            action.choices = playbooks
    return plain


def _take(to: argparse.ArgumentParser, parser: argparse.ArgumentParser, but: tuple[str, ...] = ()) -> None:
    for action in parser._actions:
        if action.dest not in but:
            to._add_action(action)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found = list(parser._actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                found += below._actions
    return found
