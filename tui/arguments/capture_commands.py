"""What the commands accept that read captures: report, compare, fleet."""

from __future__ import annotations

from tui.arguments.parser import Parser
from tui.arguments.shared_options import screen_options
from tui.arguments.values import as_workers


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


def compare_parser() -> Parser:
    """`tcptriage compare`."""
    parser = Parser(
        prog="tcptriage compare",
        allow_abbrev=False,
        examples=(
            "tcptriage compare client.pcap server.pcap",
            "tcptriage compare client.pcap nat.pcap server.pcap",
            "tcptriage compare router-any.pcap --format json",
            "tcptriage compare client.pcap server.pcap --screen",
        ),
        description="Compare captures of the same connections, packet by packet: what was lost, injected or changed "
        "between the points, and what that proves. More than two are a path; one (any, a bridge) holds its points.",
        epilog="Exit status: 0 done; 2 usage, or a file that cannot be read.",
    )
    parser.add_argument("captures", metavar="FILE", nargs="+", help="as report reads them, one a point; - is stdin")
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
    workers.add_argument("--workers", type=as_workers, metavar="N", help="processes of this machine (one a core)")
    workers.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster's scheduler, as tcp://HOST:8786")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--together",
        action="append",
        default=[],
        metavar="PATTERN",
        help="files with such names are one capture; may repeat (else known by names and times)",
    )
    which.add_argument("--apart", action="store_true", help="each file is a capture by itself")
    return parser
