"""Error lines with what they say, and ordinary lines that say nothing of a connection."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    symptom: str | None
    errno: str | None
    local: str | None
    remote: str | None
    text: str


def samples(name: str) -> list[Sample]:
    lines = [line for line in (HERE / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [_sample(line) for line in lines]


COLLECTIONS = ("lines.txt", "held_out.txt", "collected.txt", "programs.txt", "written.txt", "threads.txt")


def all_samples() -> list[Sample]:
    """Every line of every collection."""
    return [sample for name in COLLECTIONS for sample in samples(name)]


def _sample(line: str) -> Sample:
    *told, text = line.split(" ¦ ", 4)
    symptom, errno, local, remote = (None if word == "-" else word for word in told)
    return Sample(symptom, errno, local, remote, text)


STATUSES = [200] * 30 + [201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 408, 410, 412, 416, 429, 500, 503]
PATHS = [
    "/",
    "/timeout",
    "/connection-reset",
    "/errors/502",
    "/499",
    "/search?q=connection+refused",
    "/docs/ECONNRESET",
]
AGENTS = [
    "Mozilla/5.0 (X11) Chrome/120.0.0.0",
    "ECONNRESET-checker/1.0",
    "requests (connection reset by peer)",
    "curl/8",
]
NUMBERS = [0, 499, 502, 504, 12, 157, 104, 111, 32]
WORDS = [
    "connected to {ip}:5432",
    "keepalive timeout {n}s for {ip}",
    "closed idle connection to {ip}:80",
    "flushed {n} rows, 0 timeouts",
    "read {n} bytes until EOF",
    "timeout set to {n}ms",
    "aborted={n} refused=0 reset=0",
    "client {ip} disconnected",
    "User {n} not found",
    "cache miss for key reset:{n}",
    "validation failed: timeout must be positive",
    "payment refused for order {n}",
    "feature flag connection_timeout_v2 enabled",
    "DB pool: active=5 idle=5 pending=0 timeouts=0",
    "Unexpected token EOF in template",
    "Login refused for user bob",
]


def ordinary_lines(count: int, seed: int = 1) -> list[str]:
    """Lines as servers write them all day, full of the words and numbers of errors."""
    rng = random.Random(seed)
    return [_ordinary(rng) for _ in range(count)]


def _ordinary(rng: random.Random) -> str:
    ip = f"{rng.choice([10, 172, 192])}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    status, n, path, agent = (rng.choice(x) for x in (STATUSES, NUMBERS, PATHS, AGENTS))
    kind = rng.random()
    if kind < 0.4:
        return f'{ip} - - [02/Jan/2024:15:04:05 +0000] "GET {path} HTTP/1.1" {status} {n} "https://x/timeout" "{agent}"'
    if kind < 0.5:
        return f'{{"remote_addr":"{ip}","request":"GET {path} HTTP/1.1","status":{status},"body_bytes_sent":{n}}}'
    if kind < 0.6:
        return (
            f"Feb  6 12:14:14 lb haproxy[9]: {ip}:33317 [06/Feb/2009:12:14:14.655] in static/s1 10/0/30/69/109 "
            f'{status} {n} - - ---- 1/1/1/1/0 0/0 "GET {path} HTTP/1.1"'
        )
    if kind < 0.65:
        return f'[GIN] 2024/01/02 - 15:04:05 | {status} | 502ms | {ip} | GET "{path}"'
    if kind < 0.72:
        return (
            f'[2024-01-02T15:04:05.123Z] "GET {path} HTTP/1.1" {status} - via_upstream - "-" 0 {n} 1 "-" "x" "{ip}:80"'
        )
    level = rng.choice(["INFO", "WARN", "ERROR", "DEBUG"])
    return f"2024-01-02 15:04:05,123 {level} com.example.Shop - {rng.choice(WORDS).format(ip=ip, n=n)}"
