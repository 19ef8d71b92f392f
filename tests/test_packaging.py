"""What is built is what people install: the wheel in a clean environment, with its data; an sdist with nothing more.

With a C compiler at hand and without one: the same program, the same answers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("capture", "playbooks", "tui")
SDIST = {
    *(*PACKAGES, "tests", "docs", "README.md", "CHANGELOG.md", "LICENSE", "MANIFEST.in", "pyproject.toml"),
    *("requirements-dev.in", "requirements-dev.txt"),
}
GENERATED = {"PKG-INFO", "setup.cfg", "tcptriage.egg-info"}  # what setuptools adds to an sdist
LEFT_BEHIND = "capture/left_behind.py"

pytestmark = pytest.mark.xdist_group("packaging")


def need_a_compiler() -> None:
    program = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(program) is None:
        pytest.skip(f"no C compiler: {program}")
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        pytest.skip("not installed: Python's headers")


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
def uncompiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a wheel built where there is no compiler, in a tree where an earlier build left its files."""
    tree = copy(tmp_path_factory.mktemp("copy") / "tree")
    (tree / LEFT_BEHIND).touch()
    earlier = build(tree, tmp_path_factory.mktemp("earlier"), "--wheel")
    assert LEFT_BEHIND in names_in(earlier)
    (tree / LEFT_BEHIND).unlink()
    return build(tree, tmp_path_factory.mktemp("uncompiled"), "--wheel", CC="/nonexistent/cc")


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
        if not name.startswith((*PACKAGES, "tcptriage", "_tcptriage")):
            (dependencies / name).symlink_to(one)
    (target / "dependencies.pth").write_text(f"{dependencies}\n")
    return home / "bin"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(built, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def installed_uncompiled(uncompiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(uncompiled, tmp_path_factory.mktemp("clean-uncompiled"))


def data_files() -> set[str]:
    """Every file of the packages that is not code."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.is_file() and path.suffix not in (".py", ".pyc", ".c", ".h") and "__pycache__" not in path.parts
    }


def names_in(folder: Path) -> set[str]:
    """The files of the wheel in the folder."""
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def output(command: list[str], cwd: Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=True).stdout


def compiled_modules(names: set[str]) -> list[str]:
    return [name for name in names if name.startswith("_tcptriage.")]


def has_kernels(programs: Path, cwd: Path) -> bool:
    """Does the program installed there use the compiled loops?"""
    code = "from capture.kernels import KERNELS; print(KERNELS is not None)"
    return output([str(programs / "python"), "-c", code], cwd) == "True\n"


@pytest.mark.parametrize("which", ["built", "uncompiled"])
def test_wheel_holds_the_packages_and_their_data(which: str, request: pytest.FixtureRequest) -> None:
    names = names_in(request.getfixturevalue(which))
    assert data_files() <= names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    tops = {name.split("/")[0] for name in names - set(compiled_modules(names))}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if name.endswith((".c", ".h", ".pyc"))] == []


def test_wheel_holds_nothing_of_an_earlier_build(uncompiled: Path) -> None:
    names = names_in(uncompiled)
    assert LEFT_BEHIND not in names
    assert compiled_modules(names) == []


def test_sdist_holds_only_what_is_named(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if "/" in name}
    assert {name.split("/")[0] for name in names} - GENERATED == SDIST
    kernels = {path.relative_to(ROOT).as_posix() for path in (ROOT / "capture" / "kernels").glob("*.[ch]")}
    assert kernels
    assert kernels <= names
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []


def test_every_c_file_is_compiled() -> None:
    (module,) = PROJECT["tool"]["setuptools"]["ext-modules"]
    files = (path.relative_to(ROOT).as_posix() for path in (ROOT / "capture" / "kernels").glob("*.c"))
    assert module["sources"] == sorted(files)


def test_a_compiler_at_hand_is_used(built: Path, installed: Path, tmp_path: Path) -> None:
    need_a_compiler()
    assert len(compiled_modules(names_in(built))) == 1
    assert has_kernels(installed, tmp_path)


def test_without_a_compiler_the_answers_are_the_same(
    installed: Path, installed_uncompiled: Path, tmp_path: Path
) -> None:
    need_a_compiler()
    assert not has_kernels(installed_uncompiled, tmp_path)
    arguments = ["report", str(ROOT / "tui" / "examples" / "incident.pcap")]
    told = output([str(installed_uncompiled / "tcptriage"), *arguments], tmp_path)
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
