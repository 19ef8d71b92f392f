"""What the command line accepts, command by command. Kept apart from running it, so that --help costs nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from capture.language import LANGUAGES, choose, of_locale
from tui.terminal.theme_names import THEME_NAMES
from tui.work.configuration_place import configuration_path

USAGE = """\
usage: tcptriage [FILE...]           the dashboard: captures, or this machine
       tcptriage COMMAND [OPTION...] no screen; COMMAND --help tells more

  report FILE...     connections, verdicts and findings of captures
  compare A B        the same connections, captured at two points
  fleet PATH...      many captures to one data set of Parquet files
  sockets            this machine's TCP connections and what is wrong with them
  explain [TEXT...]  name the error in a log line (argument, --log, or stdin)
  playbooks          list them; `playbook NAME` opens one, `check NAME` runs one
  watch              record until something breaks, then keep what lay around it
  demo, cases        the whole way on shipped recordings; what earlier runs kept

options of the dashboard:
  --resume [NAME]    go on with the last case, or with another
  --join             read several files as one capture that was rotated
  --filter EXPR      start filtered, e.g. 'state:close-wait port:8080'
  --host HOST        look at other hosts over ssh (docker:NAME, kubectl:POD)
  --interval S       seconds between two looks at the live connections (1)
  --threshold N=V    from when on it is a live finding (T lists them)
  --own-namespace    leave out other network namespaces (containers)
  --theme NAME  --ascii  --no-mouse  --lang en|zh  --version  --help
FILE: pcap, pcapng, packed or not, text; - is stdin: tcptriage incident.pcap
Exit status: 0 done, 1 found, 2 usage or unreadable input, 3 undecided.
"""


class Paragraphs(argparse.HelpFormatter):
    """Wraps a description or an epilog paragraph by paragraph, and leaves those with indented lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        told = text.split("\n\n")
        return "\n\n".join(
            one if "\n  " in one else super(Paragraphs, self)._fill_text(one, width, indent) for one in told
        )


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, and that chooses the language of what is told."""

    def __init__(self, *, examples: Sequence[str] = (), epilog: str = "", **told: Any) -> None:
        shown = ["\n".join(["examples:", *(f"  {line}" for line in examples)])] if examples else []
        told.setdefault("formatter_class", Paragraphs)
        super().__init__(epilog="\n\n".join([*shown, *([epilog] if epilog else [])]) or None, **told)
        self.add_argument(
            "--lang",
            choices=LANGUAGES,
            help="language of text, Markdown, screens; default: the locale's",
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The arguments; the language is chosen then. JSON is English, whatever is asked for."""
        given, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown))
        json = getattr(given, "format", None) in ("json", "jsonl", "openmetrics") or getattr(given, "follow", False)
        given.lang = "en" if json else given.lang or configured_language() or of_locale(os.environ)
        choose(given.lang)
        return given

    def _unknown(self, words: list[str]) -> str:
        """argparse's own sentence, and the option that was perhaps meant."""
        mistyped = next((word.partition("=")[0] for word in words if word.startswith("--")), "")
        return f"unrecognized arguments: {' '.join(words)}{did_you_mean(mistyped, self._option_string_actions)}"

    def error(self, message: str) -> NoReturn:
        """One line on standard error, status 2."""
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for what is close to a word that is not known, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, 1, 0.7)
    return f"; did you mean {close[0]}?" if close else ""


def configured_language() -> str | None:
    """The language that config.toml asks for."""
    path = configuration_path()
    if not path or not os.path.isfile(path):
        return None
    from tui.work.configuration import read_configuration

    return read_configuration().language


class MainParser(Parser):
    """The dashboard's parser: its help is a page written by hand, to fit 80x24."""

    def format_help(self) -> str:
        """The one page that says everything."""
        return USAGE

    def format_usage(self) -> str:
        """The same page: argparse's own usage line knows nothing of the commands."""
        return USAGE


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds between 0.1 and 86400")
    return value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of looks, 1 or more")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def dashboard_parser(version: str) -> Parser:
    """`tcptriage [FILE…]`."""
    parser = MainParser(prog="tcptriage", allow_abbrev=False)
    parser.add_argument("files", nargs="*", metavar="FILE", help="captures, or printed packets; - is standard input")
    parser.add_argument("--join", action="store_true", help="read several files as one capture that was rotated")
    parser.add_argument(
        "--filter", default="", metavar="EXPR", help="start filtered, e.g. 'state:close-wait port:8080'"
    )
    parser.add_argument(
        "--interval", type=_seconds, metavar="S", help="seconds between two looks at live connections (1)"
    )
    namespace_options(parser)
    host_options(parser)
    parser.add_argument("--replay", metavar="PATH", help="the looks of a recording instead of this machine's")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="NAME", help="go on with the last case, or with another"
    )
    parser.add_argument(
        "--threshold", action="append", default=[], metavar="NAME=VALUE", help="from when on it is a live finding"
    )
    parser.add_argument("--version", action="version", version=f"tcptriage {version}", help="show the version")
    screen_options(parser)
    return parser


def screen_options(parser: argparse.ArgumentParser) -> None:
    """What every command with a screen accepts."""
    parser.add_argument("--theme", choices=THEME_NAMES, help="the colours; default: what the terminal tells")
    parser.add_argument("--ascii", action="store_true", help="no characters beyond ASCII")
    parser.add_argument("--no-mouse", dest="mouse", action="store_false", help="leave the mouse to the terminal")


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


def report_parser() -> Parser:
    """`tcptriage report`."""
    parser = Parser(
        prog="tcptriage report",
        allow_abbrev=False,
        examples=(
            "tcptriage report incident.pcap --format md --output ticket.md",
            "tcptriage report incident.pcap --filter reset-by:responder --fail-on warning",
            "tcpdump -i any -s 128 -U -w - tcp | tcptriage report --follow -",
        ),
        description="Decode captures and tell how each connection ended, who did it, and why.",
        epilog="Exit status: 0 done; 1 a finding of --fail-on's severity, or worse; 2 usage, or nothing could be read.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="pcap, pcapng, gzip or zstd of them, text; - is stdin")
    parser.add_argument("--join", action="store_true", help="read the files as one capture that was rotated")
    parser.add_argument("--format", choices=("text", "json", "jsonl", "md"), help="default: text; jsonl with --follow")
    parser.add_argument("--filter", default="", metavar="EXPR", help="only matching connections")
    parser.add_argument("--output", metavar="PATH", help="write there instead of standard output")
    parser.add_argument("--fail-on", choices=("warning", "critical"), help="exit 1 on a finding as severe as this")
    parser.add_argument("--anonymize", action="store_true", help="map addresses to stand-ins, consistently")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="JSON lines of connections as they end, of a file that grows, its ring's next files, or - (stdin)",
    )
    return parser


def sockets_parser() -> Parser:
    """`tcptriage sockets`."""
    parser = Parser(
        prog="tcptriage sockets",
        allow_abbrev=False,
        examples=(
            "tcptriage sockets --filter 'state:close-wait age:>30s'",
            "tcptriage sockets --interval 5 --count 12 --record looks.gz",
            "tcptriage sockets --format openmetrics --interval 5 --count 2",
            "tcptriage sockets --host web1 --host docker:api --format json",
        ),
        description="Look at this machine's TCP connections: states, findings, the largest groups, or every socket.",
        epilog="Exit status: 0 done; 1 with --fail-on, on a finding as severe; 2 usage.",
    )
    formats = ("text", "json", "openmetrics")
    parser.add_argument("--format", choices=formats, default="text", help="default: text; openmetrics to be scraped")
    parser.add_argument("--filter", default="", metavar="EXPR", help="only matching sockets")
    parser.add_argument("--interval", type=_seconds, default=1.0, metavar="S", help="seconds between two looks")
    parser.add_argument("--count", type=_count, metavar="N", help="looks (default 1; with --interval alone: 1)")
    namespace_options(parser)
    host_options(parser)
    parser.add_argument("--events", action="store_true", help="also the kernel's events: failed calls, resets (root)")
    parser.add_argument("--record", metavar="PATH", help="also write the looks to a file, for --replay")
    parser.add_argument("--overwrite", action="store_true", help="let --record replace a file that is there")
    parser.add_argument("--replay", metavar="PATH", help="read the looks of a recording instead of this machine's")
    parser.add_argument("--fail-on", choices=("warning", "critical"), help="exit 1 on a finding as severe as this")
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="from when on it is a finding, e.g. close_wait_s=10; may repeat; a wrong name lists them",
    )
    parser.add_argument("--anonymize", action="store_true", help="map addresses to stand-ins, consistently")
    return parser


def host_options(parser: argparse.ArgumentParser) -> None:
    """Other hosts instead of this one."""
    name = "as ssh takes it, docker:NAME, podman:NAME or kubectl:[NAMESPACE/]POD; may repeat"
    parser.add_argument("--host", action="append", default=[], metavar="HOST", help=f"look at this host: {name}")
    parser.add_argument("--ssh", default="ssh", metavar="COMMAND", help="the ssh to use, e.g. 'ssh -F FILE'")
    parser.add_argument("--sudo", action="store_true", help="look as root there, by sudo -n")


def explain_parser() -> Parser:
    """`tcptriage explain`."""
    parser = Parser(
        prog="tcptriage explain",
        allow_abbrev=False,
        examples=(
            "tcptriage explain 'write tcp 10.1.2.2:8000->10.1.2.1:41960: write: broken pipe'",
            "tcptriage explain --log /var/log/nginx/error.log",
            "ss -tanp | tcptriage explain",
        ),
        description="Recognise error lines (the symptom, its meaning, its playbook), and tables of sockets.",
    )
    parser.add_argument("text", nargs="*", metavar="TEXT", help="lines, one an argument; none: standard input")
    parser.add_argument("--log", action="append", metavar="PATH", help="a log (gzip, zstd too); - is stdin; may repeat")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return parser


def compare_parser() -> Parser:
    """`tcptriage compare`."""
    parser = Parser(
        prog="tcptriage compare",
        allow_abbrev=False,
        examples=(
            "tcptriage compare client.pcap server.pcap",
            "tcptriage compare client.pcap server.pcap --format md",
            "tcptriage compare client.pcap server.pcap --screen",
        ),
        description="Compare two captures of the same connections, packet by packet: what was lost, injected or "
        "changed between the two points, and what that proves.",
        epilog="Exit status: 0 done; 2 usage, or a file that cannot be read.",
    )
    parser.add_argument("a", metavar="A", help="a capture, as report reads them; - is stdin")
    parser.add_argument("b", metavar="B", help="a capture of the same time at another point")
    parser.add_argument("--screen", action="store_true", help="on the screen, packet by packet between the points")
    parser.add_argument("--format", choices=("text", "json", "md"), default="text", help="default: text")
    screen_options(parser)
    return parser


def fleet_parser() -> Parser:
    """`tcptriage fleet`."""
    parser = Parser(
        prog="tcptriage fleet",
        allow_abbrev=False,
        examples=(
            "tcptriage fleet captures/ --out dataset --workers 4",
            "tcptriage fleet captures/ --out dataset --scheduler tcp://head:8786",
        ),
        description="Read many captures into one data set: DIR/connections/*.parquet, DIR/findings.parquet and "
        "DIR/manifest.json. A run that was interrupted goes on where it stopped. Needs tcptriage[fleet].",
        epilog="Exit status: 0 done; 2 usage, or nothing could be read. What was left out, and why: manifest.json.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, patterns; stores too (s3://…)")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the result goes; a store's path too")
    workers = parser.add_mutually_exclusive_group()
    workers.add_argument("--workers", type=_workers, metavar="N", help="processes of this machine (one a core)")
    workers.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster's scheduler, as tcp://HOST:8786")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--together",
        action="append",
        default=[],
        metavar="PATTERN",
        help="files with such names are one capture; may repeat (else told by names and times)",
    )
    which.add_argument("--apart", action="store_true", help="each file is a capture by itself")
    return parser


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes between 1 and 1024")
    return int(text)


def playbooks_parser() -> Parser:
    """`tcptriage playbooks`."""
    parser = Parser(
        prog="tcptriage playbooks",
        allow_abbrev=False,
        examples=(
            "tcptriage playbooks",
            "tcptriage playbooks --new our-proxy",
            "tcptriage playbooks --lint our-proxy.toml",
        ),
        description="List the playbooks; make and check your own.",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--new", metavar="NAME", help="write NAME.toml, commented, where your own playbooks lie")
    parser.add_argument("--lint", metavar="FILE", help="tell all errors of a playbook at once; 1 where there are any")
    return parser


def playbook_parser() -> Parser:
    """`tcptriage playbook NAME`."""
    parser = Parser(
        prog="tcptriage playbook",
        allow_abbrev=False,
        examples=("tcptriage playbook close-wait", "tcptriage playbook close-wait --set pid=812"),
        description="Open one playbook in the dashboard.",
    )
    parser.add_argument("name", metavar="NAME", help="as `tcptriage playbooks` lists it")
    parser.add_argument(
        "--set",
        dest="settings",
        type=_setting,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="narrow its checks, e.g. pid=812, port=8080",
    )
    screen_options(parser)
    return parser


def check_parser() -> Parser:
    """`tcptriage check NAME`."""
    parser = Parser(
        prog="tcptriage check",
        allow_abbrev=False,
        examples=(
            "tcptriage check accept-queue --set port=8080",
            "tcptriage check broken-pipe --set capture=incident.pcap --format md",
            "tcptriage check nginx-upstream --set log=/var/log/nginx/error.log",
        ),
        description="Run a playbook's automatic steps on this machine, or on a capture or a log.",
        epilog="Exit status: 0 every step passed; 1 a step failed; 2 usage; 3 a step could not be decided.",
    )
    parser.add_argument("name", metavar="NAME", help="as `tcptriage playbooks` lists it")
    parser.add_argument(
        "--set",
        dest="settings",
        type=_setting,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="narrow the check, e.g. pid=812, port=8080, capture=FILE, log=FILE",
    )
    parser.add_argument("--format", choices=("text", "json", "md"), default="text", help="default: text")
    parser.add_argument("--consent", action="store_true", help="run the commands of your own playbook's steps")
    parser.add_argument("--anonymize", action="store_true", help="map addresses to stand-ins, consistently")
    return parser


def watch_parser() -> Parser:
    """`tcptriage watch`."""
    parser = Parser(
        prog="tcptriage watch",
        allow_abbrev=False,
        examples=(
            "sudo tcptriage watch --log /var/log/nginx/error.log --out /var/tmp/incidents",
            "sudo tcptriage watch --port 9092 --on errno:ECONNRESET --on resets:50/10",
        ),
        description="Record packets, kernel events, looks at the sockets and log lines in rings; when a trigger fires, "
        "write what lay around it into a folder that opens like a capture: tcptriage INCIDENT.",
        epilog="""triggers (--on, may repeat):
  finding:CODE   a live finding appears (finding:any: each warning; the default)
  symptom:CODE   a line of a followed log tells of it (with --log alone: each)
  errno:NAME     the kernel tells a call of it, e.g. errno:EPIPE
  resets:N/S     N resets within S seconds, e.g. resets:20/5
  and the signal USR1, always

Exit status: 0 the time is over, or it was told to stop; 2 usage, or nothing can be recorded.""",
    )
    parser.add_argument("--log", action="append", default=[], metavar="PATH", help="follow this log; may repeat")
    parser.add_argument(
        "--port", action="append", default=[], type=_port, metavar="N", help="packets of this port only"
    )
    parser.add_argument(
        "--on", action="append", default=[], metavar="TRIGGER", help="what freezes the rings; may repeat"
    )
    parser.add_argument("--out", default="tcptriage-incidents", metavar="DIR", help="default: tcptriage-incidents here")
    parser.add_argument("--for", dest="duration", type=_duration, metavar="DURATION", help="as 90s, 15m, 8h, 2d")
    parser.add_argument("--before", type=_seconds, default=30.0, metavar="S", help="seconds kept before it (30)")
    parser.add_argument("--after", type=_seconds, default=10.0, metavar="S", help="seconds waited after it (10)")
    parser.add_argument("--keep", type=_size, default=1 << 30, metavar="SIZE", help="of disk at most, as 500M (1G)")
    parser.add_argument("--incidents", type=_count, default=20, metavar="N", help="folders kept, oldest go first (20)")
    parser.add_argument("--interval", type=_seconds, default=1.0, metavar="S", help="seconds between two looks (1)")
    parser.add_argument("--anonymize", action="store_true", help="stand-ins for addresses, no payload, no looks")
    return parser


UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LEAST_KEPT = 16 << 20


def _duration(text: str) -> float:
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "")
    if unit not in UNITS or not number.isascii() or not number.isdigit() or not int(number[:9]) > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration, as 90s, 15m, 8h or 2d")
    return float(int(number[:9]) * UNITS[unit])


def _size(text: str) -> int:
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in SIZES or not number.isascii() or not number.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no size, as 500M or 2G")
    size = int(number[:15]) * SIZES[unit]
    if size < LEAST_KEPT:
        raise argparse.ArgumentTypeError(f"{text!r} is too small: the rings alone need 16M")
    return size


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to 65535")
    return int(text)


def demo_parser() -> Parser:
    """`tcptriage demo`."""
    parser = Parser(
        prog="tcptriage demo",
        allow_abbrev=False,
        examples=(
            "tcptriage demo",
            "tcptriage demo --theme light",
        ),
        description="Walk from a log line to the cause and the fix, on recordings that ship with the program.",
    )
    screen_options(parser)
    return parser


def cases_parser() -> Parser:
    """`tcptriage cases`."""
    parser = Parser(
        prog="tcptriage cases",
        allow_abbrev=False,
        examples=(
            "tcptriage cases",
            "tcptriage cases --show 20261130-101500 > ticket.md",
            "tcptriage cases --delete 20261130-101500",
        ),
        description="List the cases that earlier runs of the dashboard kept, the latest first. `tcptriage --resume` "
        "goes on with the last, `tcptriage --resume NAME` with another.",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--show", metavar="NAME", help="write the evidence page of one, as x does on the screen")
    changes = parser.add_mutually_exclusive_group()
    changes.add_argument("--delete", metavar="NAME", help="put a case away; the last 20 can be restored")
    changes.add_argument("--restore", metavar="NAME", help="bring a deleted case back")
    return parser


def completion_parser() -> Parser:
    """`tcptriage completion`."""
    parser = Parser(
        prog="tcptriage completion",
        allow_abbrev=False,
        examples=(
            "tcptriage completion bash > ~/.local/share/bash-completion/completions/tcptriage",
            "tcptriage completion zsh > ~/.zfunc/_tcptriage",
            "tcptriage completion fish > ~/.config/fish/completions/tcptriage.fish",
        ),
        description="Write what a shell needs to complete tcptriage's commands, options and playbooks.",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to write for")
    return parser


def info_parser() -> Parser:
    """`tcptriage info`."""
    parser = Parser(
        prog="tcptriage info",
        allow_abbrev=False,
        examples=(
            "tcptriage info",
            "tcptriage info --format json",
            "tcptriage info --write-config",
        ),
        description="Say where files lie, what this user can see of the machine, and which kernel events there are.",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--write-config", action="store_true", help="write config.toml, commented; never over one")
    return parser


def complain(line: str) -> None:
    """One line on standard error, safe for a terminal."""
    from capture.safe_text import printable

    sys.stderr.write(printable(line) + "\n")
