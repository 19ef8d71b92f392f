"""Read a capture in two processes and in one, and tell whether the reports differ: `python -m … FILE … [fail] [grow]`.

A process of its own, without threads: only from such a one a second process is started. `fail`: the second one fails;
`grow`: the file doubles when reading its back half begins.
"""

from __future__ import annotations

import io
import json
import sys

import capture.aside
import capture.decode
import capture.halves
from capture.decode import Progress
from capture.triage import triage


def _report(paths: list[str]) -> tuple[bytes, list[Progress]]:
    from capture.report.writing import write_report

    out, told = io.BytesIO(), []
    triages = triage(paths, join=len(paths) > 1, progress=told.append)
    write_report(triages, "json", out)
    write_report(triages, "text", out)
    offsets = [triages[0].decoded.place(row) for row in range(triages[0].decoded.tcp_packets)]
    return out.getvalue() + repr(offsets).encode(), told


def main() -> None:
    """Print what was found, as JSON."""
    paths = [argument for argument in sys.argv[1:] if argument not in ("fail", "grow")]
    joined: list[bool] = []
    join = capture.halves.BackHalf.join

    def noted(*arguments: object) -> bool:
        joined.append(join(*arguments))  # type: ignore[arg-type]
        return joined[-1]

    def failing(*_: object) -> None:
        raise MemoryError

    start = capture.aside.Aside.start

    def growing(*arguments: object) -> object:
        with open(paths[0], "r+b") as file:
            records = file.read()[24:]
            file.write(records)
        return start(*arguments)  # type: ignore[arg-type]

    capture.halves.BackHalf.join = noted  # type: ignore[method-assign, assignment]
    if "fail" in sys.argv:
        capture.halves._read = failing  # type: ignore[assignment]
    if "grow" in sys.argv:
        capture.aside.Aside.start = growing  # type: ignore[method-assign, assignment]
    capture.decode.LARGE = 0
    twice, told = _report(paths)
    capture.decode.LARGE = 1 << 62
    once, _ = _report(paths)
    done = [progress.bytes_done for progress in told]
    grows = done == sorted(done)
    print(json.dumps({"same": once == twice, "joined": joined, "progress": [grows, done[-1], told[-1].packets]}))


if __name__ == "__main__":
    main()
