"""The engine by itself, under AddressSanitizer and UndefinedBehaviorSanitizer: damaged captures, at once and in pieces.

TCPTRIAGE_FUZZ=1000000 asks for more inputs, TCPTRIAGE_SEED for the same ones again, TCPTRIAGE_SEEDS for other files
(a folder of captures).
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.capture.engine.conftest import Sanitized
from tests.capture.wire import building as make
from tests.capture.wire.files.test_pcapng_comments import commented, names
from tests.capture.wire.test_fragments import pieces
from tests.capture.wire.test_layers import LINKS, TUNNELS
from tests.capture.wire.test_pcap import BESIDE, FRAMES, odd

HERE = Path(__file__).parent
LAB = Path(__file__).parents[2] / "data" / "lab"
INPUTS = int(os.environ.get("TCPTRIAGE_FUZZ", "1500"))
SEED = int(os.environ.get("TCPTRIAGE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.timeout(600)]  # the first waits for the compiler


@pytest.fixture(scope="module")
def fuzzer(sanitized: Sanitized, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fuzzer, built with sanitizers. All connections but one are packed all the time, and what the packet that most
    are changes at once is compared with what it would have changed part by part."""
    return sanitized.program("fuzz.c", tmp_path_factory.mktemp("fuzz") / "fuzz")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Captures of every link type, tunnel and form, and recordings of real failures."""
    tunnels = [frame for frame, _ in TUNNELS.values()]
    ticks = 1_700_000_000_000_000
    made = [
        make.pcap(tunnels),
        make.pcap(tunnels, order=">", nanoseconds=True),
        make.section() + make.interface() + b"".join(make.enhanced(frame, ticks) for frame in tunnels),
        make.section(">")
        + make.interface(order=">")
        + commented(b"look", order=">")
        + names(">", ("10.0.0.1", b"web")),
        make.pcap(pieces() * 3),
        make.pcap(FRAMES) + make.pcap(FRAMES, order=">"),
        *(make.pcap([frame] * 3, link=link) for link, frame in LINKS.values()),
        *(odd(FRAMES, form) for form in BESIDE),
    ]
    folder = tmp_path_factory.mktemp("seeds")
    for number, data in enumerate(made):
        (folder / str(number)).write_bytes(data)
    others = [path for path in Path(os.environ.get("TCPTRIAGE_SEEDS", LAB)).rglob("*.pcap*") if path.is_file()]
    return sorted(folder.iterdir()) + sorted(others)[:4000]


def run(fuzzer: Path, *words: str | Path) -> None:
    environment = {**os.environ, "ASAN_OPTIONS": "hard_rss_limit_mb=2048:allocator_may_return_null=1"}
    done = subprocess.run(
        [fuzzer, *words], cwd=fuzzer.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words[:2]}: {done.stderr[-4000:]} (the input: {fuzzer.parent}/failed-input)"


def test_mutations(fuzzer: Path, seeds: list[Path]) -> None:
    run(fuzzer, str(SEED), str(INPUTS), *seeds)


def test_every_truncation(fuzzer: Path, seeds: list[Path]) -> None:
    run(fuzzer, "truncate", *[path for path in seeds if path.stat().st_size < 400])


def test_without_memory_it_says_so_or_says_the_same(sanitized: Sanitized, seeds: list[Path], tmp_path: Path) -> None:
    wraps = [f"-Wl,--wrap={name}" for name in ("malloc", "calloc", "realloc")]
    failing = sanitized.program("failing.c", tmp_path / "failing", *wraps)
    run(failing, *seeds)


def test_packed_connections_and_waiting_segments_say_the_same(
    sanitized: Sanitized, fuzzer: Path, seeds: list[Path], tmp_path: Path
) -> None:
    usual, waiting = sanitized.without(tmp_path / "usual"), sanitized.without(tmp_path / "waiting", "-DIN_CACHE=0")
    packed, unpacked, waited = (
        subprocess.run([program, "digest", *seeds], capture_output=True, check=True).stdout
        for program in (fuzzer, usual, waiting)
    )
    assert packed == unpacked == waited
    assert packed.count(b"\n") == len(seeds)
