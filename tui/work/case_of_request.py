"""The case that begins with a request of the command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tui.work.case_file import CaseFolder, Opened, cases_folder
from tui.work.case_keeper import CaseKeeper

if TYPE_CHECKING:
    from tui.work.investigation import Request


def keeper_of(request: Request) -> CaseKeeper | None:
    """Of a case that begins now: nothing is written yet. None for a user without a home."""
    cases = cases_folder()
    return CaseKeeper(CaseFolder(cases), opened_by(request)) if cases is not None else None


def opened_by(request: Request) -> Opened:
    """What a request opens."""
    return Opened(
        files=tuple(os.path.abspath(path) for path in _files(request) if path != "-"),
        join=request.join,
        replay=os.path.abspath(request.replay) if request.replay else None,
        hosts=tuple(host.name for host in request.hosts),
        ssh=request.ssh,
        sudo=request.sudo,
    )


def _files(request: Request) -> tuple[str, ...]:
    return request.files or ((request.fleet,) if request.fleet is not None else ())
