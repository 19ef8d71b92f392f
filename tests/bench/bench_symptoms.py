"""How fast whole logs are explained: `python -m tests.bench.bench_symptoms [MB]` prints a table."""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from playbooks.symptoms.scanning import scan_log
from tests.playbooks.symptoms.samples import ordinary_lines, samples

REQUEST = (
    '10.{a}.{b}.7 - - [02/Jan/2024:15:{m:02}:05 +0000] "GET /api/items/{b} HTTP/1.1" {s} {n} '
    '"https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)" 0.{n}'
)


def _requests(rng: random.Random) -> str:
    status = rng.choice([200] * 95 + [304, 404, 404, 301, 499])
    return REQUEST.format(
        a=rng.randint(0, 255), b=rng.randint(0, 255), m=rng.randint(0, 59), s=status, n=rng.randint(1, 90_000)
    )


def _write(path: Path, megabytes: float, kind: str) -> None:
    rng = random.Random(5)
    errors = [s.text for s in samples("lines.txt")]
    tricky = ordinary_lines(5000)
    size = 0
    with path.open("w", encoding="utf-8") as log:
        while size < megabytes * 1e6:
            if kind == "errors" or rng.random() < 0.01:
                line = rng.choice(errors)
            else:
                line = _requests(rng) if kind == "requests" else rng.choice(tricky)
            size += log.write(line + "\n")


def main() -> None:
    """Write and scan three logs."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 50.0
    print(f"{'log':<26} {'MB':>6} {'CPU s':>7} {'MB/min':>7} {'matches':>8} {'MB RSS':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for kind, share in (("requests", 1.0), ("words and numbers of errors", 0.5), ("errors", 0.1)):
            path = Path(folder) / "log"
            _write(path, megabytes * share, kind)
            started = time.process_time()
            matches = sum(1 for _ in scan_log(str(path)))
            spent = time.process_time() - started
            size = path.stat().st_size / 1e6
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{kind:<26} {size:>6.1f} {spent:>7.2f} {size / spent * 60:>7.0f} {matches:>8,} {memory:>7}")


if __name__ == "__main__":
    main()
