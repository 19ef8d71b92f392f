"""What is built is what people install: the wheel in a clean environment, with its data; an sdist with nothing more.

The install without a C compiler, by ziglang, and that its answers are the same: .ci/run does that.
"""

from __future__ import annotations

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

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT_VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "capture" / "__init__.py").read_text())[0]
PACKAGES = ("capture", "playbooks", "tui")
SDIST = {
    *(
        *PACKAGES,
        "tests",
        "docs",
        "release",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "MANIFEST.in",
        "pyproject.toml",
    ),
    *("requirements-dev.in", "requirements-dev.txt", "build_engine.py"),
}
SHARED = {
    "share/man/man1/tcptriage.1",
    "share/bash-completion/completions/tcptriage",
    "share/zsh/site-functions/_tcptriage",
    "share/fish/vendor_completions.d/tcptriage.fish",
    "share/tcptriage/tcptriage-watch.service",
}
LIBRARY = "_tcptriage_engine"
GENERATED = {"PKG-INFO", "setup.cfg", "tcptriage.egg-info"}  # what setuptools adds to an sdist
LEFT_BEHIND = "capture/left_behind.py"

pytestmark = [  # the first test waits for builds, whose time says nothing
    pytest.mark.xdist_group("packaging"),
    pytest.mark.timeout(900),
]


def need_a_compiler() -> None:
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler: none of cc, gcc, clang")


def build(tree: Path, to: Path, *arguments: str, **variables: str) -> Path:
    """Build in the directory `tree` with the backend that requirements-dev.txt pins; `to` gets what was built."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *arguments, "--outdir", str(to), str(tree)],
        capture_output=True,
        text=True,
        timeout=400,
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
    need_a_compiler()  # --no-isolation takes no ziglang from an index
    return build(copy(tmp_path_factory.mktemp("copy") / "tree"), tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a wheel built in a tree where an earlier build left its files; which is left as it was."""
    need_a_compiler()
    tree = copy(tmp_path_factory.mktemp("copy") / "tree")
    (tree / "build" / "lib" / LEFT_BEHIND).parent.mkdir(parents=True)
    (tree / "build" / "lib" / LEFT_BEHIND).touch()
    (tree / f"{LIBRARY}.so").write_bytes(b"of an earlier editable install")
    before = names_below(tree)
    to = build(tree, tmp_path_factory.mktemp("rebuilt"), "--wheel")
    assert names_below(tree) - before <= GENERATED | {"__pycache__"}, "of the build backend"
    return to


def names_below(tree: Path) -> set[str]:
    """What lies in a tree, and in what an earlier build left."""
    return {path.name for path in (*tree.iterdir(), *(tree / "build").rglob("*"))}


def environment(home: Path) -> Path:
    """A new environment that sees the dependencies of this one; its folder for packages."""
    venv.create(home, with_pip=False)
    target = next(home.glob("lib/python*/site-packages"))
    dependencies = home / "dependencies"
    dependencies.mkdir()
    places = filter(Path.is_dir, map(Path, site.getsitepackages()))
    seen = {one.name: one for place in places for one in place.iterdir()}
    for name, one in seen.items():
        # tcptriage itself may be installed here too, with an engine of its own
        if not name.startswith((*PACKAGES, "tcptriage", LIBRARY, "__editable__")):
            (dependencies / name).symlink_to(one)
    (target / "dependencies.pth").write_text(f"{dependencies}\n")
    return target


def pip_into(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(home), "install", "-q", "--no-deps", "--no-index"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr


def install(folder: Path, home: Path) -> Path:
    """The bin directory of a new environment that holds the folder's wheel."""
    environment(home)
    (wheel,) = folder.glob("*.whl")
    pip_into(home, str(wheel))
    return home / "bin"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(built, tmp_path_factory.mktemp("clean"))


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
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=200, check=True).stdout


def libraries(names: set[str]) -> list[str]:
    return [name for name in names if Path(name).name.startswith(LIBRARY)]


@pytest.mark.parametrize("which", ["built", "rebuilt"])
def test_wheel_holds_the_packages_and_their_data(which: str, request: pytest.FixtureRequest) -> None:
    names = names_in(request.getfixturevalue(which))
    assert data_files() <= names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    (library,) = libraries(names)
    assert library in (f"{LIBRARY}.so", f"{LIBRARY}.dylib", f"{LIBRARY}.dll")
    tops = {name.split("/")[0] for name in names - {library}}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == set(PACKAGES)
    assert {name.split(".data/data/")[1] for name in names if ".data/" in name} == SHARED
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if name.endswith((".c", ".h", ".pyc"))] == []


def test_wheel_holds_nothing_of_an_earlier_build(rebuilt: Path) -> None:
    (wheel,) = rebuilt.glob("*.whl")
    assert LEFT_BEHIND not in names_in(rebuilt)
    (library,) = libraries(names_in(rebuilt))
    assert not zipfile.ZipFile(wheel).read(library).startswith(b"of an earlier")


@pytest.mark.parametrize("which", ["built", "rebuilt"])
def test_one_wheel_serves_every_python_of_its_platform(which: str, request: pytest.FixtureRequest) -> None:
    (wheel,) = request.getfixturevalue(which).glob("*.whl")
    python, abi, platform = wheel.stem.split("-")[-3:]
    assert (python, abi) == ("py3", "none")
    assert platform != "any"


def test_a_source_tree_without_a_compiler_says_what_to_do(tmp_path: Path) -> None:
    code = "import pathlib; from capture.engine import compiling; compiling.compile_to(pathlib.Path('library'))"
    programs = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=programs, capture_output=True, text=True, timeout=200
    )
    if done.returncode == 0:
        (ROOT / "library").unlink()
        pytest.skip("ziglang is installed here")
    assert done.returncode == 1
    assert "install gcc or clang, or `pip install ziglang`" in done.stderr


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source tree, and an environment with an editable install of it."""
    need_a_compiler()
    tree, home = copy(tmp_path_factory.mktemp("copy") / "tree"), tmp_path_factory.mktemp("editable")
    environment(home)
    pip_into(home, "--no-build-isolation", "-e", str(tree))
    return tree, home


def test_an_editable_install_has_its_engine_in_the_tree(editable: tuple[Path, Path], tmp_path: Path) -> None:
    tree, home = editable
    code = "from capture.engine.compiling import HERE, compiled; print(compiled().startswith(HERE), HERE)"
    assert output([str(home / "bin" / "python"), "-c", code], tmp_path) == f"True {tree / 'capture' / 'engine'}\n"


def test_an_editable_install_starts_as_any_other(editable: tuple[Path, Path], tmp_path: Path) -> None:
    """A finder would load more than the command line does; modules without bytecode are compiled anew each time."""
    tree, home = editable
    compiled = {path.name.partition(".")[0] for path in tree.glob("*/report/__pycache__/*.pyc")}
    assert compiled == {path.stem for path in (tree / "capture" / "report").glob("*.py")}
    code = "import sys, tui.cli; print([name for name in sys.modules if 'editable' in name])"
    assert output([str(home / "bin" / "python"), "-B", "-c", code], tmp_path) == "[]\n"


def test_sdist_holds_only_what_is_named(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if "/" in name}
    assert {name.split("/")[0] for name in names} - GENERATED == SDIST
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "capture" / "engine").glob("*.[ch]")}
    assert sources
    assert sources <= names
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []


def test_a_clone_without_a_compiler_finds_the_installed_engine(installed: Path, tmp_path: Path) -> None:
    """In a clone its own packages come first, and the installed ones have the library: pytest is started so."""
    tree = copy(tmp_path / "clone")
    code = "import capture; from capture.engine.compiling import compiled; print(capture.__file__, compiled())"
    done = subprocess.run(
        [str(installed / "python"), "-c", code],
        capture_output=True,
        text=True,
        cwd=tree,
        timeout=200,
        env={"PATH": str(tmp_path)},
        check=True,
    )
    package, library = done.stdout.split()
    assert Path(package).parents[1] == tree
    assert Path(library).is_relative_to(installed.parent)


def test_installed_wheel_runs(installed: Path, tmp_path: Path) -> None:
    program = str(installed / "tcptriage")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, cwd=tmp_path, timeout=200)
    assert re.search(r"\d+\.\d+\.\d+", version.stdout), version.stderr
    code = "import importlib.resources as r; print(r.files('tui') / 'examples' / 'broken-pipe.pcap')"
    found = subprocess.run(
        [str(installed / "python"), "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=200, check=True
    )
    example = Path(found.stdout.strip())
    assert str(installed.parent) in str(example)
    report = subprocess.run(
        [program, "report", str(example), "--format", "json"], capture_output=True, text=True, cwd=tmp_path, timeout=200
    )
    assert report.returncode == 0, report.stderr
    (connection,) = json.loads(report.stdout)["connections"]
    assert connection["cause"] == "write_after_peer_close"
    listed = subprocess.run([program, "playbooks"], capture_output=True, text=True, cwd=tmp_path, timeout=200)
    assert listed.returncode == 0, listed.stderr
    assert "broken-pipe" in listed.stdout


def test_installed_wheel_brings_its_man_page_and_completions(installed: Path, tmp_path: Path) -> None:
    share = installed.parent / "share"
    page = (share / "man" / "man1" / "tcptriage.1").read_text()
    assert PROJECT_VERSION in page.splitlines()[0]
    script = share / "bash-completion" / "completions" / "tcptriage"
    if shutil.which("bash") is None:
        pytest.skip("not installed: bash")
    path = f"{installed}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f". {script}; complete -p tcptriage"],
        capture_output=True,
        text=True,
        env={"PATH": path},
        timeout=200,
    )
    assert done.stdout.endswith(" tcptriage\n"), done.stderr


def pinned(file: str = "requirements-dev.txt") -> dict[str, str]:
    """Package → its lines in a file of pins."""
    text = (ROOT / file).read_text()
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


def test_what_makes_a_release_is_pinned_by_hash() -> None:
    bundled, tools = pinned("release/requirements-bundle.txt"), pinned("release/requirements.txt")
    assert {name_of(one) for one in PROJECT["project"]["dependencies"]} <= set(bundled)
    assert {"build", "setuptools", "ziglang"} <= set(tools)
    assert all("--hash=sha256:" in lines for lines in [*bundled.values(), *tools.values()])
    tested = pinned()
    other = [name for name in bundled if bundled[name].split()[0] != tested[name].split()[0]]
    assert other == []  # what is bundled is what the tests ran with


@pytest.mark.parametrize(
    "file", ["requirements-dev.txt", "release/requirements.txt", "release/requirements-bundle.txt"]
)
def test_requirements_name_no_place(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "//" not in text
    assert not re.search(r"--(index-url|extra-index-url|find-links|trusted-host)", text)


def test_every_dependency_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = re.split(r"\ndependencies = \[.*\n", text)[1].split("\n]")[0]
    assert [line for line in block.splitlines() if "#" not in line] == []
