"""The engine by itself, under AddressSanitizer and UndefinedBehaviorSanitizer: damaged captures, at once and in pieces.

TCPTRIAGE_FUZZ=1000000 asks for more inputs, TCPTRIAGE_SEED for the same ones again, TCPTRIAGE_SEEDS for other files
(a folder of captures).
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.capture.wire import building as make
from tests.capture.wire.files.test_pcapng_comments import commented, names
from tests.capture.wire.test_fragments import pieces
from tests.capture.wire.test_layers import LINKS, TUNNELS
from tests.capture.wire.test_pcap import BESIDE, FRAMES, odd

HERE, ENGINE = Path(__file__).parent, Path(__file__).parents[3] / "capture" / "engine"
LAB = Path(__file__).parents[2] / "data" / "lab"
INPUTS = int(os.environ.get("TCPTRIAGE_FUZZ", "1500"))
SEED = int(os.environ.get("TCPTRIAGE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fuzzer, built with sanitizers. All connections but one are packed all the time, and what the packet that most
    are changes at once is compared with what it would have changed part by part."""
    return built(tmp_path_factory.mktemp("fuzz") / "fuzz", "-DHOT_AT_FIRST=1", "-DCHECK_STEADY", *SANITIZE)


def built(target: Path, *flags: str, source: str = "fuzz.c") -> Path:
    for compiler in filter(shutil.which, ("gcc", "clang")):
        command = [compiler, "-std=c11", "-g", "-O1", *flags, f"-I{ENGINE}", *ENGINE.glob("*.c"), HERE / source]
        if not subprocess.run([*command, "-o", target], capture_output=True, check=False).returncode:
            return target
    pytest.skip("no compiler with AddressSanitizer")


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


def test_without_memory_it_says_so_or_says_the_same(seeds: list[Path], tmp_path: Path) -> None:
    wraps = [f"-Wl,--wrap={name}" for name in ("malloc", "calloc", "realloc")]
    failing = built(tmp_path / "failing", "-DHOT_AT_FIRST=1", *SANITIZE, *wraps, source="failing.c")
    run(failing, *seeds)


def test_packed_connections_and_waiting_segments_say_the_same(fuzzer: Path, seeds: list[Path], tmp_path: Path) -> None:
    usual, waiting = built(tmp_path / "usual"), built(tmp_path / "waiting", "-DIN_CACHE=0")
    packed, unpacked, waited = (
        subprocess.run([program, "digest", *seeds], capture_output=True, check=True).stdout
        for program in (fuzzer, usual, waiting)
    )
    assert packed == unpacked == waited
    assert packed.count(b"\n") == len(seeds)
