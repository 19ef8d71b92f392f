"""How fast whole logs are explained: `python -m tests.bench.bench_symptoms [MB]` prints a table."""

from __future__ import annotations

import random
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

from playbooks.explain_report import explain_logs
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


ERROR = (
    "2024/01/02 {m:02}:{s:02}:05 [error] {p}#{p}: *{n} {said} while reading response header from upstream, "
    'client: 10.{a}.{b}.7, server: example.com, request: "GET /api/items/{n}?page={b} HTTP/1.1", '
    'upstream: "http://10.0.0.{u}:8080/api/items/{n}?page={b}", host: "example.com"'
)
SAID = (
    "upstream timed out (110: Connection timed out)",
    "recv() failed (104: Connection reset by peer)",
    "upstream prematurely closed connection",
)
VARYING = re.compile(r"(\b(?:\d{1,3}\.){3})\d{1,3}\b|(\b\d\d:\d\d:)\d\d\b")


def _nginx_error(rng: random.Random) -> str:
    a, b, n, p = (rng.randint(1, most) for most in (254, 254, 9_999_999, 40_000))
    m, s, u = rng.randint(0, 23), rng.randint(0, 59), rng.randint(2, 9)
    return ERROR.format(a=a, b=b, n=n, p=p, m=m, s=s, u=u, said=rng.choice(SAID))


def _varied(line: str, rng: random.Random) -> str:
    """The line of another peer, at another second."""
    return VARYING.sub(lambda found: f"{found[1] or found[2]}{rng.randint(10, 59)}", line)


def _write(path: Path, megabytes: float, kind: str) -> None:
    rng = random.Random(5)
    errors = [s.text for s in samples("lines.txt")]
    tricky = ordinary_lines(5000)
    size = 0
    with path.open("w", encoding="utf-8") as log:
        while size < megabytes * 1e6:
            if kind == "errors of nginx":
                line = _nginx_error(rng)
            elif kind == "errors of all sources" or rng.random() < 0.01:
                line = _varied(rng.choice(errors), rng)
            else:
                line = _requests(rng) if kind == "requests" else rng.choice(tricky)
            size += log.write(line + "\n")


LOGS = (
    ("requests", 1.0),
    ("words and numbers of errors", 0.5),
    ("errors of nginx", 0.5),
    ("errors of all sources", 0.5),
)


def main() -> None:
    """Write and explain four logs."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 50.0
    print(f"{'log':<26} {'MB':>6} {'CPU s':>7} {'MB/min':>7} {'matches':>8} {'MB RSS':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for kind, share in LOGS:
            path = Path(folder) / "log"
            _write(path, megabytes * share, kind)
            started = time.process_time()
            matches = sum(1 for _ in explain_logs([str(path)]).lines)
            spent = time.process_time() - started
            size = path.stat().st_size / 1e6
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{kind:<26} {size:>6.1f} {spent:>7.2f} {size / spent * 60:>7.0f} {matches:>8,} {memory:>7}")


if __name__ == "__main__":
    main()
