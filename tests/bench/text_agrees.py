"""How often packets as text get the verdict that they get as a capture, over a folder and many option sets.

usage: python -m tests.bench.text_agrees DIR [--verbose] [--only WORD] [--most PACKETS] [--ways]

With `--ways` a few option sets, in each of the ways in which mail programs, chats and terminals change a text.

Needs tcpdump and tshark. A connection agrees where cause and ending are the same; where the certainty is lower in the
text, what the lines leave out may be why, and it is counted apart.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from capture.triage import Triage, triage
from capture.wire.capture_errors import CaptureUnreadable

TCPDUMP = {
    f"tcpdump {options}": ["tcpdump", *options.split(), "-r"]
    for options in (
        *("-nn", "-nn -S", "-nn -v", "-nn -vv -S", "-nn -e -tttt", "-nn -tt"),
        *("-nn -ttt", "-nn -ttttt --number", "-nn -t", "-nn -A"),
    )
}  # fmt: skip
TSHARK = {
    "tshark": ["tshark", "-n", "-r"],
    "tshark -t ad": ["tshark", "-n", "-t", "ad", "-r"],
    "tshark -t d": ["tshark", "-n", "-t", "d", "-r"],
    "tshark tabs": ["tshark", "-n", "-T", "tabs", "-r"],
    "tshark -V": ["tshark", "-n", "-V", "-r"],
    "tshark rows without protocols": ["tshark", "-n", "--disable-protocol", "http", "-t", "ad", "-r"],
    "tshark absolute": ["tshark", "-n", "-o", "tcp.relative_sequence_numbers:FALSE", "-r"],
}
COLUMNS = "No.", "Time", "Source", "Destination", "Protocol", "Length", "Info"
CSV = {  # as Wireshark exports it
    "csv": [
        *("tshark", "-n", "-T", "fields", "-E", "header=y", "-E", "separator=,", "-E", "quote=d"),
        *(word for name in COLUMNS for word in ("-e", f"_ws.col.{name}")),
        "-r",
    ]
}
PASTED = {name: command for name, command in {**TCPDUMP, **TSHARK}.items() if name in ("tcpdump -nn", "tcpdump -nn -v")}
PASTED |= {"tshark": TSHARK["tshark"]} | CSV
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "&gt;": lambda text: text.replace(">", "&gt;").replace("<", "&lt;"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "tabs": lambda text: text.replace(" ", "\t"),
    "tabs between columns": lambda text: re.sub(" {2,}", "\t", text),
    "one tab": lambda text: "".join(line.replace(" ", "\t", 1) for line in text.splitlines(keepends=True)),
    "->": lambda text: text.replace("\u2192", "->"),
    "quoted": lambda text: "".join(f"> {line}" for line in text.splitlines(keepends=True)),
    "indented": lambda text: "".join(f"    {line}" for line in text.splitlines(keepends=True)),
    "wrapped at 72": lambda text: wrapped(text, 72),
    "wrapped at 80": lambda text: wrapped(text, 80),
    "cut at 80": lambda text: "\n".join(
        line[at : at + 80] for line in text.splitlines() for at in range(0, len(line), 80)
    ),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "CR LF": lambda text: text.replace("\n", "\r\n"),
    "a prompt and a code fence": lambda text: f"$ tcpdump -r x\n```\n{text}```\n",
}
RANK = {"possible": 0, "likely": 1, "certain": 2}


def verdicts(path: Path) -> dict[tuple, list[tuple[str, str, str]]]:
    """Ends of each connection -> its causes, endings and certainties."""
    found: dict[tuple, list[tuple[str, str, str]]] = {}
    done: Triage
    for done in triage([str(path)]):
        for number in range(len(done.decoded.flows)):
            one = done.connection(number)
            ends = tuple(sorted((str(one.originator), str(one.responder))))
            told = one.verdict
            found.setdefault(ends, []).append((told.cause, told.ended_by.value, told.certainty.value))
    return found


def wrapped(text: str, width: int) -> str:
    """Long lines broken at their spaces, as mail programs do it."""
    options = {"break_long_words": False, "break_on_hyphens": False}
    return "\n".join("\n".join(textwrap.wrap(line, width, **options)) for line in text.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--only", default="", help="option sets whose name holds this word")
    parser.add_argument("--most", type=int, default=20_000, help="bytes of text, in thousands, at most")
    parser.add_argument("--ways", action="store_true")
    args = parser.parse_args()
    captures = sorted(path for path in args.directory.rglob("*.pcap*") if path.is_file())
    sums: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        for path in captures:
            try:
                wanted = verdicts(path)
            except CaptureUnreadable:
                continue
            for name, printed in texts(path, args):
                if args.only not in name or len(printed) > args.most * 1000:
                    continue
                text.write_bytes(printed)
                try:
                    got = verdicts(text)
                except CaptureUnreadable as error:
                    got = {}
                    if wanted and args.verbose:
                        print(path, name, error)
                count = sums.setdefault(name, Counter())
                for ends, causes in wanted.items():
                    for place, want in enumerate(causes):
                        have = got.get(ends, [])[place : place + 1]
                        kind = judge(want, have[0] if have else None)
                        count[kind] += 1
                        if args.verbose and kind not in ("same", "less sure"):
                            print(path, "|", name, "|", ends, want, have, flush=True)
                count["more"] += sum(max(len(have) - len(wanted.get(ends, [])), 0) for ends, have in got.items())
    for name, count in sums.items():
        print(f"{name:32}", dict(count))


def texts(path: Path, args: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Names of forms, and the packets in them."""
    for name, command in (PASTED if args.ways else {**TCPDUMP, **TSHARK, **CSV}).items():
        printed = subprocess.run([*command, str(path)], capture_output=True, timeout=120).stdout
        if not args.ways:
            yield name, printed
            continue
        for way, change in WAYS.items():
            yield f"{name}, {way}", change(printed.decode("utf-8", "replace")).encode()


def judge(want: tuple[str, str, str], have: tuple[str, str, str] | None) -> str:
    """How a verdict on text compares to that on the capture."""
    if have is None:
        return "missing"
    if want[:2] != have[:2]:
        return "other"
    rank = RANK[have[2]] - RANK[want[2]]
    return "same" if not rank else "less sure" if rank < 0 else "surer"


if __name__ == "__main__":
    main()
