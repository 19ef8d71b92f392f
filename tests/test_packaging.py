"""What is built is what people install: the wheel in a clean environment, with its data; an sdist with nothing more."""

from __future__ import annotations

import json
import re
import site
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("capture", "playbooks", "tui")

pytestmark = pytest.mark.xdist_group("packaging")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist, built by the backend that requirements-dev.txt pins."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a new environment that holds the wheel, and sees the dependencies of this one."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False)
    target = next(home.glob("lib/python*/site-packages"))
    (wheel,) = built.glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(home), "install", "-q", "--no-deps", "--no-index", str(wheel)],
        check=True,
        timeout=100,
    )
    (target / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return home / "bin"


def data_files() -> set[str]:
    """Every file of the packages that is not code."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    }


def test_wheel_holds_the_packages_and_their_data(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert data_files() <= names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_sdist_holds_only_what_is_named(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    named = set(PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"])
    assert tops - {"PKG-INFO", ".gitignore"} == named


def test_installed_wheel_runs(installed: Path, tmp_path: Path) -> None:
    program = str(installed / "tcptriage")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, cwd=tmp_path, timeout=30)
    assert re.search(r"\d+\.\d+\.\d+", version.stdout), version.stderr
    code = "import importlib.resources as r; print(r.files('tui') / 'examples' / 'broken-pipe.pcap')"
    found = subprocess.run(
        [str(installed / "python"), "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=30, check=True
    )
    example = Path(found.stdout.strip())
    assert str(installed.parent) in str(example)
    report = subprocess.run(
        [program, "report", str(example), "--format", "json"], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert report.returncode == 0, report.stderr
    (connection,) = json.loads(report.stdout)["connections"]
    assert connection["cause"] == "write_after_peer_close"
    listed = subprocess.run([program, "playbooks"], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert listed.returncode == 0, listed.stderr
    assert "broken-pipe" in listed.stdout


def pinned() -> dict[str, str]:
    """Package → its lines in requirements-dev.txt."""
    text = (ROOT / "requirements-dev.txt").read_text()
    return {
        match[1].lower(): match[0]
        for match in re.finditer(r"^([A-Za-z0-9_.-]+)==.*(?:\n +--hash.*)*", text, re.MULTILINE)
    }


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~ \[;#]", requirement.strip(), maxsplit=1)[0].lower()


def test_every_requirement_is_pinned_by_hash() -> None:
    pins = pinned()
    wanted = [name_of(one) for one in PROJECT["project"]["dependencies"]]
    lines = (ROOT / "requirements-dev.in").read_text().splitlines()
    wanted += [name_of(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert set(wanted) <= set(pins)
    assert all("--hash=sha256:" in lines for lines in pins.values())


def test_requirements_name_no_place() -> None:
    text = (ROOT / "requirements-dev.txt").read_text()
    assert "//" not in text
    assert not re.search(r"--(index-url|extra-index-url|find-links|trusted-host)", text)


def test_every_dependency_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("\ndependencies = [\n")[1].split("\n]")[0]
    assert [line for line in block.splitlines() if "#" not in line] == []
