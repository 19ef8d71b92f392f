"""`tcptriage --resume [NAME]`: what the case had open takes the place of what the command line does not say."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from tui.work.case_file import CaseUnusable, cases_folder, take_up
from tui.work.case_keeper import CaseKeeper

if TYPE_CHECKING:
    import argparse


def take_up_case(chosen: argparse.Namespace) -> CaseKeeper:
    """The keeper of the case; `chosen` gets its files, hosts and recording. Raises ValueError, one line."""
    try:
        case, folder = take_up(cases_folder(), chosen.resume)
    except CaseUnusable as error:
        raise ValueError(str(error)) from error
    opened = case.opened
    if not (chosen.files or chosen.host or chosen.replay):
        chosen.files, chosen.join, chosen.replay = list(opened.files), opened.join, opened.replay
        chosen.host, chosen.ssh, chosen.sudo = list(opened.hosts), opened.ssh, opened.sudo
    return CaseKeeper(folder, opened, case)


def reopen(name: str, chosen: argparse.Namespace) -> NoReturn:
    """This process becomes one that goes on with another case."""
    words = [sys.executable, "-m", "tui.cli", "--resume", name, "--lang", chosen.lang]
    words += ["--theme", chosen.theme] if chosen.theme else []
    words += ["--ascii"] if chosen.ascii else []
    words += [] if chosen.mouse else ["--no-mouse"]
    sys.stdout.flush()
    os.execv(words[0], words)
