"""What the commands accept that look at a machine: sockets, watch."""

from __future__ import annotations

from tui.arguments.parser import Parser
from tui.arguments.shared_options import host_options, namespace_options, remote_options
from tui.arguments.values import as_duration, as_looks, as_port, as_seconds, as_size


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
    parser.add_argument("--interval", type=as_seconds, default=1.0, metavar="S", help="seconds between two looks")
    parser.add_argument("--count", type=as_looks, metavar="N", help="looks (default 1; with --interval alone: 1)")
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


def watch_parser() -> Parser:
    """`tcptriage watch`."""
    parser = Parser(
        prog="tcptriage watch",
        allow_abbrev=False,
        examples=(
            "sudo tcptriage watch --log /var/log/nginx/error.log --out /var/tmp/incidents",
            "sudo tcptriage watch --port 9092 --on errno:ECONNRESET --on resets:50/10",
            "tcptriage watch --host web1 --sudo --on resets:50/10",
        ),
        description="Record packets, kernel events, looks at the sockets and log lines in rings; when a trigger fires, "
        "write what lay around it into a folder that opens like a capture: tcptriage INCIDENT.",
        epilog="""triggers (--on, may repeat):
  finding:CODE   a live finding appears (finding:any: each warning; the default)
  symptom:CODE   a line of a followed log tells of it (with --log alone: each)
  errno:NAME     the kernel tells a call of it, e.g. errno:EPIPE
  resets:N/S     N resets within S seconds, e.g. resets:20/5
  and the signal USR1, always

Exit status: 0 the time is over, or it was asked to stop; 2 usage, or nothing can be recorded.""",
    )
    parser.add_argument("--log", action="append", default=[], metavar="PATH", help="follow this log; may repeat")
    parser.add_argument(
        "--port", action="append", default=[], type=as_port, metavar="N", help="packets of this port only"
    )
    parser.add_argument(
        "--on", action="append", default=[], metavar="TRIGGER", help="what freezes the rings; may repeat"
    )
    remote_options(parser, "record this host instead of this one, as root there (--sudo)")
    parser.add_argument("--out", default="tcptriage-incidents", metavar="DIR", help="default: tcptriage-incidents here")
    parser.add_argument("--for", dest="duration", type=as_duration, metavar="DURATION", help="as 90s, 15m, 8h, 2d")
    parser.add_argument("--before", type=as_seconds, default=30.0, metavar="S", help="seconds kept before it (30)")
    parser.add_argument("--after", type=as_seconds, default=10.0, metavar="S", help="seconds waited after it (10)")
    parser.add_argument("--keep", type=as_size, default=1 << 30, metavar="SIZE", help="of disk at most, as 500M (1G)")
    parser.add_argument(
        "--incidents", type=as_looks, default=20, metavar="N", help="folders kept, oldest go first (20)"
    )
    parser.add_argument("--interval", type=as_seconds, default=1.0, metavar="S", help="seconds between two looks (1)")
    parser.add_argument("--anonymize", action="store_true", help="stand-ins for addresses, no payload, no looks")
    return parser
