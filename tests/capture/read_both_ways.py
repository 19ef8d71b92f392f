"""Read a capture in one process and in two, and tell whether the reports differ: `python -m … FILE [fail]`.

A process of its own, without threads: only from such a one a second process is started. `fail`: the second one fails.
"""

from __future__ import annotations

import io
import json
import sys

import capture.decode
import capture.halves
from capture.decode import Progress
from capture.triage import triage


def _report(path: str) -> tuple[bytes, list[Progress]]:
    from capture.report.writing import write_report

    out, told = io.BytesIO(), []
    triages = triage([path], progress=told.append)
    write_report(triages, "json", out)
    write_report(triages, "text", out)
    offsets = [triages[0].decoded.place(row) for row in range(triages[0].decoded.tcp_packets)]
    return out.getvalue() + repr(offsets).encode(), told


def main() -> None:
    """Print what was found, as JSON."""
    path, fail = sys.argv[1], "fail" in sys.argv
    joined: list[bool] = []
    join = capture.halves.BackHalf.join

    def noted(*arguments: object) -> bool:
        joined.append(join(*arguments))  # type: ignore[arg-type]
        return joined[-1]

    def failing(*_: object) -> None:
        raise MemoryError

    capture.halves.BackHalf.join = noted  # type: ignore[method-assign, assignment]
    if fail:
        capture.halves._read = failing  # type: ignore[assignment]
    once, _ = _report(path)
    capture.decode.LARGE = 0
    twice, told = _report(path)
    done = [progress.bytes_done for progress in told]
    grows = done == sorted(done)
    print(json.dumps({"same": once == twice, "joined": joined, "progress": [grows, done[-1], told[-1].packets]}))


if __name__ == "__main__":
    main()
