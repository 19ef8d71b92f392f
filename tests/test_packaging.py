"""What is built is what people install: the wheel in a clean environment, with its data; an sdist with nothing more.

The packet engine is compiled with whatever compiler is at hand: the system's, or the one of the package ziglang.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from capture.engine.compiling import compiler

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("capture", "playbooks", "tui")
SDIST = {
    *(*PACKAGES, "tests", "docs", "README.md", "CHANGELOG.md", "LICENSE", "MANIFEST.in", "pyproject.toml"),
    *("requirements-dev.in", "requirements-dev.txt", "builder", "setup.py"),
}
GENERATED = {"PKG-INFO", "setup.cfg", "tcptriage.egg-info"}  # what setuptools adds to an sdist
LEFT_BEHIND = "capture/left_behind.py"

pytestmark = pytest.mark.xdist_group("packaging")


def need_a_compiler() -> None:
    if compiler() is None:
        pytest.skip("no C compiler")


def build(tree: Path, to: Path, *arguments: str, **variables: str) -> Path:
    """Build in the directory `tree` with the backend that requirements-dev.txt pins; `to` gets what was built."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *arguments, "--outdir", str(to), str(tree)],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | variables,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return to


def copy(to: Path) -> Path:
    """The project's files in a new directory, where a build leaves what it likes."""
    leave = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "*.so")
    return Path(shutil.copytree(ROOT, to, ignore=leave))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist and the wheel that is built from it."""
    return build(copy(tmp_path_factory.mktemp("copy") / "tree"), tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def with_zig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a wheel built where only ziglang compiles, in a tree where an earlier build left its files."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("not installed: ziglang")
    tree = copy(tmp_path_factory.mktemp("copy") / "tree")
    (tree / LEFT_BEHIND).touch()
    earlier = build(tree, tmp_path_factory.mktemp("earlier"), "--wheel")
    assert LEFT_BEHIND in names_in(earlier)
    (tree / LEFT_BEHIND).unlink()
    return build(tree, tmp_path_factory.mktemp("zig"), "--wheel", CC="", PATH="/nonexistent")


def install(folder: Path, home: Path) -> Path:
    """The bin directory of a new environment that holds the folder's wheel, and sees the dependencies of this one."""
    venv.create(home, with_pip=False)
    target = next(home.glob("lib/python*/site-packages"))
    (wheel,) = folder.glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(home), "install", "-q", "--no-deps", "--no-index", str(wheel)],
        check=True,
        timeout=100,
    )
    dependencies = home / "dependencies"
    dependencies.mkdir()
    places = filter(Path.is_dir, map(Path, site.getsitepackages()))
    seen = {one.name: one for place in places for one in place.iterdir()}
    for name, one in seen.items():
        # tcptriage itself may be installed here too, with a compiled module of its own
        if not name.startswith((*PACKAGES, "tcptriage", "_tcptriage", "__editable__")):
            (dependencies / name).symlink_to(one)
    (target / "dependencies.pth").write_text(f"{dependencies}\n")
    return home / "bin"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(built, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def installed_with_zig(with_zig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(with_zig, tmp_path_factory.mktemp("clean-zig"))


def data_files() -> set[str]:
    """Every file of the packages that is not code."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.is_file() and path.suffix not in (".py", ".pyc", ".c", ".h", ".so") and "__pycache__" not in path.parts
    }


def names_in(folder: Path) -> set[str]:
    """The files of the wheel in the folder."""
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def output(command: list[str], cwd: Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=True).stdout


def compiled_modules(names: set[str]) -> list[str]:
    return [name for name in names if name.startswith("capture/engine/_engine.")]


@pytest.mark.parametrize("which", ["built", "with_zig"])
def test_wheel_holds_the_packages_and_their_data(which: str, request: pytest.FixtureRequest) -> None:
    names = names_in(request.getfixturevalue(which))
    assert data_files() <= names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert len(compiled_modules(names)) == 1
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if name.endswith((".c", ".h", ".pyc"))] == []


def test_wheel_holds_nothing_of_an_earlier_build(with_zig: Path) -> None:
    assert LEFT_BEHIND not in names_in(with_zig)


def test_wheel_fits_any_python_of_its_platform(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    python, abi, platform = wheel.stem.split("-")[-3:]
    assert (python, abi) == ("py3", "none")
    assert platform != "any"


def test_sdist_holds_only_what_is_named(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if "/" in name}
    assert {name.split("/")[0] for name in names} - GENERATED == SDIST
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "capture" / "engine").glob("*.[ch]")}
    assert sources
    assert sources <= names
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []


def test_without_a_compiler_the_build_says_what_to_install(tmp_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is not None:
        pytest.skip("ziglang is installed, and compiles")
    code = "from capture.engine.compiling import compile_to; from pathlib import Path; compile_to(Path('engine.so'))"
    hidden = os.environ | {"CC": "", "PATH": "/nonexistent", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=hidden)
    assert "no C compiler was found: install one (Debian: gcc), or the Python package ziglang" in done.stderr


def test_each_compilers_answers_are_the_same(installed: Path, installed_with_zig: Path, tmp_path: Path) -> None:
    need_a_compiler()
    arguments = ["report", str(ROOT / "tui" / "examples" / "incident.pcap")]
    told = output([str(installed_with_zig / "tcptriage"), *arguments], tmp_path)
    assert "client_gave_up" in told
    assert told == output([str(installed / "tcptriage"), *arguments], tmp_path)


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
