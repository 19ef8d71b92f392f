"""`tcptriage cases`: what earlier runs kept; delete one, bring one back, or write its evidence page."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from capture.cells import left, right
from capture.safe_text import printable
from tui.arguments.parser import complain
from tui.arguments.screen_commands import cases_parser
from tui.text.language import tr
from tui.work.case_file import (
    DELETED,
    CaseUnusable,
    cases_folder,
    delete_case,
    list_cases,
    named_case,
    restore_case,
)

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tui.work.case_file import Case


def run(arguments: list[str]) -> int:
    """List cases, or change the list; returns the exit status."""
    chosen = cases_parser().parse_args(arguments)
    cases = cases_folder()
    try:
        if cases is not None and (chosen.delete or chosen.restore):
            sys.stdout.write(_change(cases, chosen) + "\n")
        elif chosen.show:
            sys.stdout.write(_page(named_case(cases, chosen.show)))
        elif chosen.format == "json":
            sys.stdout.write(_json(list_cases(cases)))
        else:
            sys.stdout.write(_text(list_cases(cases)))
    except CaseUnusable as error:
        complain(f"tcptriage cases: {error}")
        return 2
    return 0


def _change(cases: Path, chosen: argparse.Namespace) -> str:
    if chosen.restore:
        name = named_case(cases / DELETED, chosen.restore).name
        restore_case(cases, name)
        return tr("case {name} is back", name=name)
    name = named_case(cases, chosen.delete).name
    delete_case(cases, name)
    return tr(
        "case {name} is deleted; `{command}` brings it back", name=name, command=f"tcptriage cases --restore {name}"
    )


def _page(case: Case) -> str:
    from tui.work.evidence_page import page

    return page(case.items, host=case.host)


def _text(cases: list[Case]) -> str:
    if not cases:
        return tr("no case was kept yet: the dashboard keeps one as soon as there is something to lose") + "\n"
    width = max(len(case.name) for case in cases)
    names = (
        left(tr("case"), width),
        left(tr("last used"), 16),
        left(tr("host"), 16),
        right(tr("evidence"), 8),
        tr("open"),
    )
    lines = ["  ".join(names)]
    for case in cases:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(case.changed))
        host, opened = printable(case.host, 16), printable(case.opened.sentence, 80)
        lines.append(f"{case.name:{width}}  {when}  {host:16}  {len(case.items):8}  {opened}")
    return "\n".join(lines) + "\n"


def _json(cases: list[Case]) -> str:
    import msgspec

    listed = [
        {
            "name": case.name,
            "begun": case.begun,
            "changed": case.changed,
            "host": case.host,
            "opened": case.opened,
            "evidence": len(case.items),
        }
        for case in cases
    ]
    return msgspec.json.encode({"schema": "tcptriage.cases/1", "cases": listed}).decode() + "\n"
