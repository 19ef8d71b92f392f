"""docs/fleet.md: its commands run, and its questions have the answers that stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
pytest.importorskip("distributed")

import duckdb

from tests.capture.fleet.cluster import Cluster
from tests.capture.fleet.making import EXAMPLES, manifest

DOC = Path(__file__).parent.parent / "docs" / "fleet.md"
QUESTION = re.compile(r"```sql\n([^`]*)```\n\n((?:\|.*\n)+)")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOC.read_text(), re.DOTALL)


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A `tcptriage` command of the doc, as the shell would run it there."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80"}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("doc")
    (made / "tui").mkdir()
    (made / "tui" / "examples").symlink_to(EXAMPLES)
    first = next(line for line in blocks("sh")[0].splitlines() if line.startswith("tcptriage fleet"))
    done = run(first, made)
    assert done.returncode == 0, done.stderr
    return made


def answer(question: str) -> str:
    """The rows as a Markdown table."""
    found = duckdb.sql(question)
    rows = [["" if value is None else str(value) for value in row] for row in found.fetchall()]
    lines = [found.columns, ["---"] * len(found.columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- ", "|---").replace("--- |", "---|")


def test_five_questions_have_these_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = QUESTION.findall(DOC.read_text())
    assert len(found) == len(blocks("sql")) == 5
    for question, told in found:
        assert answer(question) == told


def test_files_that_belong_together_are_named(folder: Path) -> None:
    (folder / "captures").mkdir()
    for name in ("web1-a", "web1-b", "web2-a", "web2-b"):
        (folder / "captures" / name).write_bytes((EXAMPLES / "broken-pipe.pcap").read_bytes())
    for line, captures in zip(blocks("sh")[1].splitlines(), (2, 4), strict=True):
        done = run(line, folder)
        assert done.returncode == 0, done.stderr
        assert len(manifest(folder / "result")["captures"]) == captures


def test_the_cluster(folder: Path, tmp_path: Path) -> None:
    """The scheduler and the workers are started as written, but for the address; then the command is run."""
    text = blocks("sh")[2]
    assert [line.split()[:2] for line in text.splitlines()] == [
        ["dask", "scheduler"],
        ["dask", "worker"],
        ["tcptriage", "fleet"],
    ]
    cluster = Cluster(tmp_path)
    try:
        line = text.splitlines()[2].replace("tcp://10.0.0.1:8786", cluster.address).replace("example", "clustered", 2)
        done = run(line.replace("tui/clustereds", "tui/examples"), folder)
        assert done.returncode == 0, done.stderr
    finally:
        cluster.stop()
    assert manifest(folder / "clustered")["connections"] == manifest(folder / "example")["connections"]
