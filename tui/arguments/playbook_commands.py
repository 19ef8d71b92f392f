"""What the commands accept that decide: explain, playbooks, playbook, check."""

from __future__ import annotations

from tui.arguments.parser import Parser
from tui.arguments.shared_options import screen_options, setting_option


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
    setting_option(parser, "narrow its checks, e.g. pid=812, port=8080")
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
    setting_option(parser, "narrow the check, e.g. pid=812, port=8080, capture=FILE, log=FILE")
    parser.add_argument("--format", choices=("text", "json", "md"), default="text", help="default: text")
    parser.add_argument("--consent", action="store_true", help="run the commands of your own playbook's steps")
    parser.add_argument("--anonymize", action="store_true", help="map addresses to stand-ins, consistently")
    return parser
