"""One file for a host without internet: the program, an interpreter, and the C library both stand on.

The interpreter and its libraries are Debian's packages of the release that this runs on, for either machine, fetched
and verified by apt; they run by the loader that comes with them, so the host's own C library, old or musl, does not
matter: Linux (3.2, or 3.7 on aarch64) and /bin/sh, readlink and dirname are all that is asked. Python's packages are
pinned in requirements-bundle.txt.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from release.wheels import Unfit

LOADER = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
OLDEST_LINUX = {"x86_64": "3.2", "aarch64": "3.7"}  # that Debian's glibc runs on
LIBRARIES = ("libc6", "libffi8", "zlib1g", "libbz2-1.0", "liblzma5", "libssl3", "libexpat1", "libstdc++6", "libgcc-s1")
LICENCES_OF = ("gcc-12-base",)  # what libgcc-s1 and libstdc++6 only point to
UNUSED = (  # of the interpreter and of packages: 60 MB that no command of ours loads
    *("test", "unittest", "distutils", "lib2to3", "idlelib", "tkinter", "turtle.py", "turtledemo", "ensurepip", "venv"),
    *("pydoc_data", "sqlite3", "dbm", "xmlrpc", "wsgiref", "config-*"),
    *(f"lib-dynload/{name}.*" for name in ("_sqlite3", "_dbm", "_curses*", "readline", "nis", "ossaudiodev", "_crypt")),
    *(f"lib-dynload/{name}.*" for name in ("_*test*", "xx*", "_xx*", "_uuid", "audioop")),
    *(f"dist-packages/{name}" for name in ("bin", "numpy/f2py", "numpy/_core/include", "numpy/_core/lib")),
    *("dist-packages/zstandard/_cffi.*", "dist-packages/**/*.pyi", "dist-packages/**/tests", "**/__pycache__"),
)
LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors|copyright)", re.IGNORECASE)
START = """\
#!/bin/sh
# tcptriage, by the interpreter beside it: nothing of this host is used but its kernel and this shell.
here=$(dirname "$(readlink -f "$0")")
for certificates in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
  [ -z "$SSL_CERT_FILE" ] && [ -r "$certificates" ] && SSL_CERT_FILE=$certificates && export SSL_CERT_FILE
done
exec "$here/runtime/bin/python" -c 'from {module} import {function}; {function}()' "$@"
"""
INTERPRETER = """\
#!/bin/sh
# The file tcptriage beside this one is glibc's loader: under that name the process is listed.
here=$(dirname "$(readlink -f "$0")")
exec "$here/tcptriage" --library-path "$here/../lib" --argv0 "$here/python" "$here/python-real" -I -B "$@"
"""
README = """\
tcptriage {version} for Linux {machine}: everything is in this folder, and nothing is installed by it.

  ./tcptriage report runtime/examples/incident.pcap    ./tcptriage    ./tcptriage --help

It asks of the host: Linux {linux} or later, /bin/sh, readlink, dirname. It writes nothing here, and the home may be
read-only. `./tcptriage demo` shows the whole way on recordings. For all users: unpack it under /opt and link
/usr/local/bin/tcptriage to the one here; share/ has the man page (man -l share/man/man1/tcptriage.1), completions,
and the systemd unit of the recorder.

For a host that must not get even this: collector.py (a few kB, Python's standard library alone, 3.6 or later) is all
that `tcptriage sockets --host HOST` runs there, from standard input; it reads /proc and sockets, and writes no file.

MANIFEST.json lists what is inside, with versions; LICENSES/ has each one's licence. The interpreter and the C library
are Debian's unchanged binaries; their sources are Debian's packages of the versions in the manifest (apt-get source).
"""


def make(wheel: Path, machine: str, version: str, work: Path, pins: Path) -> Path:
    """The bundle for a machine as tar.xz in `work`. Needs apt-get (Debian 12 or later) and pip. Raises Unfit."""
    apt = _apt_for(machine, work)
    python = _python_of_debian(apt)
    root = work / f"tcptriage-{version}-linux-{machine}"
    runtime = root / "runtime"
    code = runtime / "lib" / python
    debs = work / f"debs-{machine}"
    packages = _debian(debs, root, python, apt)
    _lay_out(debs / "root", runtime, machine, python)
    site = code / "dist-packages"  # Debian's name for site-packages
    arguments = ["install", "-q", "--no-compile", "--target", str(site), "--only-binary", ":all:", "--no-deps"]
    arguments += ["--python-version", python.removeprefix("python"), "--implementation", "cp"]
    arguments += [word for tag in ("2_17", "2_28") for word in ("--platform", f"manylinux_{tag}_{machine}")]
    for what in (["--require-hashes", "-r", str(pins)], [str(wheel)]):
        _run([str(work / "tools" / "bin" / "python"), "-m", "pip", *arguments, *what])
    _licences(site, root)
    for pattern in UNUSED:
        for path in list(code.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if (site / "share").is_dir():
        (site / "share").rename(root / "share")
    _scripts(root, site, version, machine)
    found = sorted(path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info"))
    manifest = {"version": version, "machine": machine, "debian": packages, "python": found}
    (root / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")
    compiling = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(code)]
    _run([f"/usr/bin/{python}", *compiling])  # the same release's: its byte code is every machine's
    return _pack(root, work / f"{root.name}.tar.xz")


def _python_of_debian(apt: list[str]) -> str:
    """python3.11 on Debian 12: the release's own, whichever Python runs this script."""
    depends = _run(["apt-cache", *apt, "depends", "python3-minimal"])
    named = re.search(r"Depends: (python3\.\d+)-minimal", depends)
    if named is None:
        raise Unfit("the bundle takes Debian's Python, and apt-cache knows of none: it is made on Debian 12 or later")
    return named[1]


def _apt_for(machine: str, work: Path) -> list[str]:
    """Options by which apt-get knows the packages of that machine, whatever this one is, and changes nothing here."""
    place = work / f"apt-{machine}"
    for folder in ("lists", "cache/archives"):
        (place / folder / "partial").mkdir(parents=True)
    (place / "status").touch()
    architecture = DEBIAN[machine]
    options = [f"APT::Architecture={architecture}", f"APT::Architectures::={architecture}"]
    options += [f"Dir::State={place}", f"Dir::State::lists={place / 'lists'}", f"Dir::State::status={place / 'status'}"]
    options += [f"Dir::Cache={place / 'cache'}", "APT::Sandbox::User=root"]
    words = [word for option in options for word in ("-o", option)]
    _run(["apt-get", *words, "-qq", "update"])
    return words


def _debian(folder: Path, root: Path, python: str, apt: list[str]) -> list[dict[str, str]]:
    """Download and unpack packages below folder/root, with their licences; their names, versions and digests."""
    minimal = (f"{python}-minimal", f"lib{python}-minimal", f"lib{python}-stdlib")
    folder.mkdir()
    _run(["apt-get", *apt, "download", "-q", *minimal, *LIBRARIES, *LICENCES_OF], cwd=folder)
    listed = []
    for package in sorted(folder.glob("*.deb")):
        fields = _run(["dpkg-deb", "-f", str(package), "Package", "Version", "Source"])
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        listed.append(dict(re.findall(r"^(\w+): (.*)$", fields.lower(), re.MULTILINE)) | {"sha256": digest})
        _run(["dpkg-deb", "-x", str(package), str(folder / "root")])
    licences = root / "LICENSES"
    for copyright_file in (folder / "root" / "usr" / "share" / "doc").glob("*/copyright"):
        to = licences / "debian" / copyright_file.parent.name
        to.mkdir(parents=True, exist_ok=True)
        shutil.copy(copyright_file, to)
    shutil.copytree("/usr/share/common-licenses", licences / "common-licenses")  # what those files name
    return listed


def _lay_out(unpacked: Path, runtime: Path, machine: str, python: str) -> None:
    (runtime / "bin").mkdir(parents=True)
    (runtime / "lib").mkdir()
    for folder in (unpacked / "lib", unpacked / "usr" / "lib"):
        for library in (folder / f"{machine}-linux-gnu").glob("*.so*"):
            shutil.copy2(library, runtime / "lib", follow_symlinks=False)
    shutil.copy2(unpacked / "usr" / "bin" / python, runtime / "bin" / "python-real")
    shutil.move(runtime / "lib" / LOADER[machine], runtime / "bin" / "tcptriage")
    shutil.copytree(unpacked / "usr" / "lib" / python, runtime / "lib" / python)
    (runtime / "lib" / python / "sitecustomize.py").unlink(missing_ok=True)  # a link into Debian's /etc


def _licences(site: Path, root: Path) -> None:
    for info in site.glob("*.dist-info"):
        texts = [path for path in info.rglob("*") if path.is_file() and LICENCE.search(path.name)]
        to = root / "LICENSES" / "python" / info.name.removesuffix(".dist-info")
        to.mkdir(parents=True)
        for number, path in enumerate(texts):
            same = (to / path.name).exists()
            shutil.copy(path, to / (f"{number}-{path.name}" if same else path.name))
        if not texts:  # named, not quoted, by its author
            named = re.findall(r"^(?:License|License-Expression|Classifier: License.*|Author.*|Name|Version):? .*$",
                               (info / "METADATA").read_text(), re.MULTILINE)  # fmt: skip
            if not any("icense" in line for line in named):
                raise Unfit(f"{info.name}: says nothing of its licence")
            (to / "METADATA").write_text("\n".join(named) + "\n")


def _scripts(root: Path, site: Path, version: str, machine: str) -> None:
    points = configparser.ConfigParser()
    points.read(next(site.glob("tcptriage-*.dist-info")) / "entry_points.txt")
    module, _, function = points["console_scripts"]["tcptriage"].partition(":")
    start = START.replace("{module}", module).replace("{function}", function)
    for path, text in ((root / "tcptriage", start), (root / "runtime" / "bin" / "python", INTERPRETER)):
        path.write_text(text)
        path.chmod(0o755)
    (root / "README.txt").write_text(README.format(version=version, machine=machine, linux=OLDEST_LINUX[machine]))
    shutil.copy(site / "capture" / "remote" / "collector.py", root)
    (root / "runtime" / "examples").symlink_to(Path(os.path.relpath(site / "tui" / "examples", root / "runtime")))


def _pack(root: Path, target: Path) -> Path:
    """The same bytes for the same files: sorted, root's, of the commit's time."""
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = when
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with lzma.open(target, "wb", preset=9) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(root, root.name, recursive=False, filter=plain)
        for path in sorted(root.rglob("*")):
            archive.add(path, f"{root.name}/{path.relative_to(root)}", recursive=False, filter=plain)
    return target


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        raise Unfit(f"{' '.join(command[:4])} … ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
