"""Options that several commands have: of the screen, of playbooks, of network namespaces, of other hosts."""

from __future__ import annotations

import argparse

from tui.arguments.values import as_setting
from tui.terminal.theme_names import THEME_NAMES


def screen_options(parser: argparse.ArgumentParser) -> None:
    """What every command with a screen accepts."""
    parser.add_argument("--theme", choices=THEME_NAMES, help="the colours; default: what the terminal tells")
    parser.add_argument("--ascii", action="store_true", help="no characters beyond ASCII")
    parser.add_argument("--no-mouse", dest="mouse", action="store_false", help="leave the mouse to the terminal")


def setting_option(parser: argparse.ArgumentParser, help_text: str) -> None:
    """What narrows the checks of a playbook."""
    parser.add_argument(
        "--set", dest="settings", type=as_setting, action="append", default=[], metavar="KEY=VALUE", help=help_text
    )


def namespace_options(parser: argparse.ArgumentParser) -> None:
    """Which network namespaces are looked into."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--all-namespaces",
        action="store_true",
        default=None,
        help="all network namespaces that may be entered: the default from the host's own",
    )
    chosen.add_argument(
        "--own-namespace",
        dest="all_namespaces",
        action="store_false",
        help="this one alone, the others are only counted: the default from a container's or one entered",
    )


def host_options(parser: argparse.ArgumentParser) -> None:
    """Other hosts instead of this one."""
    host = "look at this host: as ssh takes it, docker:NAME, podman:NAME or kubectl:[NAMESPACE/]POD; may repeat"
    parser.add_argument("--host", action="append", default=[], metavar="HOST", help=host)
    _ways_there(parser)


def remote_options(parser: argparse.ArgumentParser, host: str) -> None:
    """One other host instead of this one."""
    parser.add_argument("--host", metavar="HOST", help=host)
    _ways_there(parser)


def _ways_there(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ssh", default="ssh", metavar="COMMAND", help="the ssh to use, e.g. 'ssh -F FILE'")
    parser.add_argument("--sudo", action="store_true", help="look as root there, by sudo -n")
