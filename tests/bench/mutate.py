"""Read damaged captures: mutations of given files, seeded, and every truncation.

Nothing may be raised but CaptureUnreadable.

usage: python -m tests.bench.mutate DIR [--mutations 100000] [--seed 1] [--truncate 10] [--slow SECONDS]
                                    [--report | --commands]

With `--report` every file is also grouped, judged and written as text and JSON, as `tcptriage report` does, and every
fourth is packed with gzip or zstd before or after it is mutated. With `--commands` each goes through one of the command
lines that read captures instead, in turn: the formats, a filter, joined and compared with what it was made of.

Prints what was raised (with the seed and number that make it again), the slowest file and the peak memory.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import gzip
import io
import json
import os
import pathlib
import random
import resource
import struct
import tempfile
import time
import traceback
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout

from capture.engine.session import Engine
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.open_capture import open_capture

LARGEST = 64 << 10  # bytes of the files that are mutated
HANGS_S = 60
COMMANDS = (
    ("report", "FILE"),
    ("report", "FILE", "--format", "json"),
    ("report", "FILE", "--format", "jsonl", "--filter", "-cause:refused"),
    ("report", "FILE", "--format", "md"),
    ("report", "FILE", "ORIGINAL", "--join"),
    ("report", "FILE", "--lang", "zh", "--anonymize"),
    ("compare", "FILE", "ORIGINAL"),
    ("compare", "ORIGINAL", "FILE", "--format", "json"),
)
_HARD = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0, 16, 20, 40)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to eight changes: bits, bytes, lengths, cuts, repeats, pieces of zeros."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if not out:
            break
        at = rng.randrange(len(out))
        kind = rng.randrange(7)
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at] = rng.randrange(256)
        elif kind == 2 and at + 4 <= len(out):
            struct.pack_into(rng.choice("<>") + "I", out, at, rng.choice(_HARD))
        elif kind == 3 and at + 2 <= len(out):
            struct.pack_into(rng.choice("<>") + "H", out, at, rng.choice(_HARD) & 0xFFFF)
        elif kind == 4:
            del out[at : at + rng.choice((1, 2, 4, 16, 300))]
        elif kind == 5:
            size = rng.choice((1, 4, 16, 60, 300))
            out[at:at] = out[max(0, at - size) : at]
        else:
            size = min(rng.choice((4, 16, 60)), len(out) - at)
            out[at : at + size] = bytes(size)
    if rng.random() < 0.1:
        del out[rng.randrange(len(out) + 1) :]
    return bytes(out)


def read(path: str) -> str:
    """Read a file to its end; "read", "refused", or what was raised."""
    try:
        engine = Engine()
        with open_capture(path, engine) as reader:
            reader.run()
        engine.table()
        if engine.totals.packets != reader.packets:
            return "packets that were not counted"
        return "read, with notices" if reader.notices else "read"
    except CaptureUnreadable as error:
        return "refused" if "\n" not in str(error) else "refused in several lines"
    except Exception:  # the point of all this
        return traceback.format_exc()


def report(path: str) -> str:
    """Report on a file, as text and JSON; "read", "refused", or what was raised."""
    from capture.report.formats import write_report
    from capture.triage import triage

    refused: list[CaptureUnreadable] = []
    try:
        triages = triage([path], refused=refused.append)
        if not triages:
            return "refused" if len(refused) == 1 and "\n" not in str(refused[0]) else "refused without a word"
        write_report(triages, "text", io.BytesIO())
        written = io.BytesIO()
        write_report(triages, "json", written)
        notices = json.loads(written.getvalue())["captures"][0]["notices"]
        return "read, with notices" if notices else "read"
    except Exception:  # the point of all this
        return traceback.format_exc()


def commands(path: str, original: str, number: int) -> str:
    """One command line on a file, as the shell would start it; "read", "refused", or what was raised."""
    from tui.cli import main as program

    command = COMMANDS[number % len(COMMANDS)]
    arguments = [{"FILE": path, "ORIGINAL": original}.get(word, word) for word in command]
    faulthandler.dump_traceback_later(HANGS_S, exit=True)  # also where it hangs in the engine
    said = io.StringIO()
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(said):
            status = program(arguments)
    except Exception:  # TCPTRIAGE_DEBUG: the point of all this
        return f"{command}\n{traceback.format_exc()}"
    finally:
        faulthandler.cancel_dump_traceback_later()
        gc.enable()  # a command that ends soon turns it off
    if status not in (0, 1, 2) or said.getvalue().count("\n") > 2:
        return f"{command}: {status}\n{said.getvalue()}"
    return "refused" if status == 2 else "read"


def packed(data: bytes, rng: random.Random) -> bytes:
    """A mutation of the data, or of the packed data, as gzip or zstd."""
    import zstandard

    pack = rng.choice((lambda plain: gzip.compress(plain, 1), zstandard.ZstdCompressor(1).compress))
    return mutated(pack(data), rng) if rng.random() < 0.5 else pack(mutated(data, rng))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--truncate", type=int, default=10)
    parser.add_argument("--slow", type=float, default=1.0)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--commands", action="store_true")
    options = parser.parse_args()
    os.environ["TCPTRIAGE_DEBUG"] = "1"
    files = sorted(
        path for path in options.directory.rglob("*") if path.is_file() and 0 < path.stat().st_size <= LARGEST
    )
    outcomes: Counter[str] = Counter()
    slowest = (0.0, "")
    print(f"{len(files)} files, seed {options.seed}")
    with tempfile.NamedTemporaryFile() as scratch:

        def judge(data: bytes, name: str, original: pathlib.Path, number: int) -> None:
            nonlocal slowest
            with open(scratch.name, "wb") as out:
                out.write(data)
            begin = time.process_time()
            if options.commands:
                outcome = commands(scratch.name, str(original), number)
            else:
                outcome = report(scratch.name) if options.report else read(scratch.name)
            took = time.process_time() - begin
            slowest = max(slowest, (took, name))
            if outcome.startswith(("read", "refused")) and took < options.slow:
                outcomes[outcome] += 1
            else:
                outcomes["RAISED OR SLOW"] += 1
                print(f"{name}: {took:.2f} s\n{outcome}", flush=True)

        rng = random.Random(options.seed)
        for number in range(options.mutations):
            path = rng.choice(files)
            own = random.Random(options.seed * 1_000_003 + number)
            whole = options.report or options.commands
            change = packed if whole and own.random() < 0.25 else mutated
            judge(change(path.read_bytes(), own), f"{path} #{number}", path, number)
        for path in rng.sample(files, min(options.truncate, len(files))):
            data = path.read_bytes()
            for size in range(len(data)):
                judge(data[:size], f"{path} cut at {size}", path, size)
    print(dict(outcomes))
    print(f"slowest {slowest[0]:.3f} s: {slowest[1]}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")


if __name__ == "__main__":
    main()
