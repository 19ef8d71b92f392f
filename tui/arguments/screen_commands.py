"""What the dashboard and the commands around it accept."""

from __future__ import annotations

from tui.arguments.parser import Parser
from tui.arguments.shared_options import host_options, namespace_options, screen_options
from tui.arguments.values import as_seconds
from tui.text.language import tr

USAGE = (
    "usage: tcptriage [FILE...]           the dashboard: captures, or this machine",
    "       tcptriage COMMAND [OPTION...] no screen; COMMAND --help tells more",
    "",
    "  report FILE...     connections, verdicts and findings of captures",
    "  compare A B        the same connections, captured at two points",
    "  fleet PATH...      many captures to one data set of Parquet files",
    "  sockets            this machine's TCP connections and what is wrong with them",
    "  explain [TEXT...]  name the error in a log line (argument, --log, or stdin)",
    "  playbooks          list them; `playbook NAME` opens one, `check NAME` runs one",
    "  watch              record until something breaks, then keep what lay around it",
    "  demo, cases        the whole way on shipped recordings; what earlier runs kept",
    "",
    "options of the dashboard:",
    "  --resume [NAME]    go on with the last case, or with another",
    "  --join             read several files as one capture that was rotated",
    "  --filter EXPR      start filtered, e.g. 'state:close-wait port:8080'",
    "  --host HOST        look at other hosts over ssh (docker:NAME, kubectl:POD)",
    "  --interval S       seconds between two looks at the live connections (1)",
    "  --threshold N=V    from when on it is a live finding (T lists them)",
    "  --own-namespace    leave out other network namespaces (containers)",
    "  --theme NAME  --ascii  --no-mouse  --lang en|zh  --version  --help",
    "FILE: pcap, pcapng, packed or not, text; looks, a log; - is a capture on stdin",
    "Exit status: 0 done, 1 found, 2 usage or unreadable input, 3 undecided.",
)


class MainParser(Parser):
    """The dashboard's parser: its help is a page written by hand, to fit 80x24."""

    def format_help(self) -> str:
        """The one page that says everything."""
        return "".join(f"{tr(line)}\n" if line else "\n" for line in USAGE)

    def format_usage(self) -> str:
        """The same page: argparse's own usage line knows nothing of the commands."""
        return self.format_help()


def dashboard_parser(version: str) -> Parser:
    """`tcptriage [FILE…]`."""
    parser = MainParser(prog="tcptriage", allow_abbrev=False)
    parser.add_argument("files", nargs="*", metavar="FILE", help="captures, or printed packets; - is standard input")
    parser.add_argument("--join", action="store_true", help="read several files as one capture that was rotated")
    parser.add_argument(
        "--filter", default="", metavar="EXPR", help="start filtered, e.g. 'state:close-wait port:8080'"
    )
    parser.add_argument(
        "--interval", type=as_seconds, metavar="S", help="seconds between two looks at live connections (1)"
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
