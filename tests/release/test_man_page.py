from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release.man_page import man_page
from tui.arguments.screen_commands import dashboard_parser
from tui.arguments.shell_words import parsers

ROOT = Path(__file__).parents[2]


def plain(roff: str) -> str:
    return re.sub(r"\\f[BIR]", "", roff).replace(r"\-", "-").replace(r"\e", "\\").replace(r"\&", "")


def sections() -> dict[str, str]:
    """The page's text by command; "" is what comes before the first."""
    first, *rest = re.split(r"^\.SS ", plain(man_page("1.2.3")), flags=re.MULTILINE)
    return {"": first} | {each.split("\n", 1)[0].removeprefix("tcptriage "): each for each in rest}


def test_each_command_and_option_is_in_the_man_page_and_none_else() -> None:
    found = sections()
    commands = {"": dashboard_parser("1.2.3"), **parsers()}
    assert set(found) == set(commands)
    for name, parser in commands.items():
        told = set(re.findall(r"^(?:-\w, )?(--[a-z-]+)", found[name], re.MULTILINE))
        options = {option for action in parser._actions for option in action.option_strings}
        assert told == {option for option in options if option.startswith("--")}, name
        assert all(action.help for action in parser._actions), name


@pytest.mark.skipif(shutil.which("groff") is None, reason="not installed: groff")
def test_roff_has_nothing_to_warn_of() -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-z"], input=man_page("1.2.3"), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_written_where_nothing_is_installed() -> None:
    """As the build backend does: with the standard library alone."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "release.man_page"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(".TH TCPTRIAGE 1")
