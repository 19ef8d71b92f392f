"""The sdist, the wheel of each platform made of it, and what must hold of them before anyone gets them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from release.machine_code import read_library

ENGINE = "_tcptriage_engine"
CODE = ("capture/", "playbooks/", "tui/")
NEVER = re.compile(r"\.(c|h|o|pyc|pcapng~)$|(^|/)(build|tests|__pycache__|\.git)(/|$)")


class Unfit(Exception):  # noqa: N818 - a fact, not a fault
    """Something that must not be released. str() is one line: the file, and what is wrong with it."""


def build_all(python: Path, tree: Path, out: Path, tags: list[str]) -> tuple[Path, list[Path]]:
    """The sdist of a clean tree, and the wheels, each built from the unpacked sdist: so the sdist is whole."""
    _build(python, tree, out, "--sdist")
    (sdist,) = out.glob("tcptriage-*.tar.gz")
    unpacked = out.parent / "unpacked"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    for tag in tags:
        print(f"  {tag}", flush=True)
        _build(python, source, out, "--wheel", TCPTRIAGE_WHEEL=tag)
    return sdist, sorted(out.glob("tcptriage-*.whl"))


def _build(python: Path, tree: Path, out: Path, what: str, **variables: str) -> None:
    command = [str(python), "-m", "build", "--no-isolation", what, "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables)
    if done.returncode:
        raise Unfit(f"{' '.join(variables.values()) or what} was not built:\n{(done.stdout + done.stderr)[-4000:]}")


def check_sdist(sdist: Path, tracked: set[str]) -> None:
    """Nothing but tracked files and setuptools' own. Raises Unfit."""
    with tarfile.open(sdist) as archive:
        names = {each.name.partition("/")[2] for each in archive if each.isfile()}
    strange = {name for name in names - tracked if not re.match(r"PKG-INFO$|setup\.cfg$|tcptriage\.egg-info/", name)}
    if strange:
        raise Unfit(f"{sdist.name}: not of the repository: {', '.join(sorted(strange)[:5])}")
    missing = {name for name in tracked if name.startswith(CODE)} - names
    if missing:
        raise Unfit(f"{sdist.name}: lacks {', '.join(sorted(missing)[:5])}")


def check_wheel(wheel: Path, tracked: set[str], version: str) -> None:
    """Its files are the repository's, its record and tag are right, its engine is for that platform. Raises Unfit."""
    tag = wheel.stem.split("-")[-1]
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"tcptriage-{version}.dist-info"
        _check_record(wheel.name, archive, f"{info}/RECORD")
        if f"Tag: py3-none-{tag}\n" not in archive.read(f"{info}/WHEEL").decode():
            raise Unfit(f"{wheel.name}: its name and its WHEEL file do not agree on the tag")
        if f"\nVersion: {version}\n" not in archive.read(f"{info}/METADATA").decode():
            raise Unfit(f"{wheel.name}: its metadata is of another version")
        wanted = {name for name in tracked if name.startswith(CODE) and not NEVER.search(name)}
        engine = {name for name in names if name.startswith(ENGINE)}
        others = names - engine - {name for name in names if name.split("/")[0].endswith((".dist-info", ".data"))}
        if others != wanted:
            raise Unfit(f"{wheel.name}: files differ from the repository's: {', '.join(sorted(others ^ wanted)[:5])}")
        if f"{info}/licenses/LICENSE" not in names:
            raise Unfit(f"{wheel.name}: lacks its licence")
        if len(engine) != 1:
            raise Unfit(f"{wheel.name}: {len(engine)} engines in it")
        _check_engine(wheel.name, tag, archive.read(engine.pop()))


def _check_record(name: str, archive: zipfile.ZipFile, record: str) -> None:
    rows = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(record).decode()))}
    for each in archive.namelist():
        digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(each)).digest()).rstrip(b"=").decode()
        if each != record and rows.get(each) != f"sha256={digest}":
            raise Unfit(f"{name}: RECORD is wrong about {each}")


def _check_engine(name: str, tag: str, data: bytes) -> None:
    found = read_library(data)
    system, major, minor, machine = re.match(r"(\w+?)_(\d+)_(\d+)_(\w+)$", tag).groups()  # type: ignore[union-attr]
    if (found.system, found.machine) != ("macosx" if system == "macosx" else "linux", machine):
        raise Unfit(f"{name}: its engine is for {found.system} {found.machine}")
    if system == "manylinux" and not (0, 0) < found.glibc <= (int(major), int(minor)):
        raise Unfit(f"{name}: its engine needs glibc {found.glibc}")
    if system == "musllinux" and (found.glibc != (0, 0) or b"libc.so.6" in found.names):
        raise Unfit(f"{name}: its engine needs glibc")
    signed = found.signed or machine != "arm64"  # which loads no code without a signature
    if system == "macosx" and not (signed and found.macos <= (int(major), int(minor))):
        raise Unfit(f"{name}: its engine is not signed, or needs macOS {found.macos}")
    here = (str(Path.home()) + "/", os.getcwd() + "/", "/tmp/")
    if any(place.encode() in data for place in here):
        raise Unfit(f"{name}: its engine names folders of the machine that made it")


def pythons() -> list[Path]:
    """One interpreter of each version from 3.11 that this machine has: on PATH, of the system, of pyenv."""
    code = "import sys, venv; print(*sys.version_info[:2], sys.executable)"
    folders = [*map(Path, os.environ.get("PATH", "").split(":")), *Path.home().glob(".pyenv/versions/*/bin")]
    named = [folder / f"python3.{minor}" for minor in range(11, 20) for folder in folders]
    found: dict[tuple[int, int], Path] = {}
    for path in [Path(sys.executable), *filter(Path.exists, named)]:
        done = subprocess.run([path, "-c", code], capture_output=True, text=True)
        if done.returncode == 0:
            major, minor, executable = done.stdout.split(maxsplit=2)
            found.setdefault((int(major), int(minor)), Path(executable.strip()))
    return [path for _, path in sorted(found.items())]


def try_wheel(python: Path, wheel: Path, home: Path, files: Path | None = None) -> str:
    """Install it into a clean venv where PATH holds no compiler, and run the main job: the report of the example.

    `files`: a folder of wheels to install from, with no index asked. Raises Unfit.
    """
    bare = home / "bin-of-nothing"
    bare.mkdir(parents=True)
    alone = {name: value for name, value in os.environ.items() if name not in ("CC", "PYTHONPATH", "VIRTUAL_ENV")}
    alone |= {"PATH": str(bare), "HOME": str(home)}
    _run([str(python), "-m", "venv", str(home / "venv")], alone)
    program = home / "venv" / "bin"
    offline = ["--no-index", "--find-links", str(files)] if files else []
    _run([str(program / "pip"), "install", "-q", "--only-binary", ":all:", *offline, str(wheel)], alone)
    where = "import importlib.resources as r; print(r.files('tui') / 'examples' / 'incident.pcap')"
    example = _run([str(program / "python"), "-c", where], alone).strip()
    report = _run([str(program / "tcptriage"), "report", example, "--format", "json"], alone)
    return report.replace(example, "incident.pcap")


def collect(python: Path, wheel: Path, work: Path) -> Path:
    """A folder with the wheel and all that it asks for, for that Python: what is carried to a host without internet."""
    folder = work / "files"
    _run([str(python), "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", str(folder), str(wheel)])
    return folder


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    if done.returncode:
        raise Unfit(f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
