"""Make a release of what is committed: sdist, wheels of six platforms, bundles, each checked, and their checksums.

python3 -m release [--out dist] [--wheels | --bundle]   on Linux x86_64; bundles: on Debian, their test as root
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from release import bundle, bundle_trial, wheels

HERE = Path(__file__).resolve().parent
LARGEST_BUNDLE = 35 << 20


def main() -> int:
    """0 where all was made and is fit; 1 with one line on what is not."""
    parser = argparse.ArgumentParser(
        prog="python3 -m release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE.parent / "dist", help="a new or empty folder (dist)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--wheels", action="store_true", help="no bundles")
    only.add_argument("--bundle", action="store_true", help="no wheels but those that go into the bundles")
    chosen = parser.parse_args()
    out: Path = chosen.out.resolve()
    if out.exists() and any(out.iterdir()):
        print(f"{out}: not empty: files of another release would be mixed with this one's", file=sys.stderr)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="release-") as work:
            made = make(Path(work), wanted_wheels=not chosen.bundle, wanted_bundle=not chosen.wheels)
            for path in made:
                shutil.copy2(path, out)
    except wheels.Unfit as error:
        print(f"not fit: {error}", file=sys.stderr)
        return 1
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(out.iterdir()))
    (out / "SHA256SUMS").write_text(sums)
    print(sums, end="")
    return 0


def make(work: Path, wanted_wheels: bool, wanted_bundle: bool) -> list[Path]:
    """Everything, in `work`; returns the files to hand out."""
    work.chmod(0o755)
    tree, dist = work / "tree", work / "dist"
    dist.mkdir()
    _git("clone", "-q", "--no-hardlinks", str(HERE.parent), str(tree))
    tracked = set(_git("-C", str(tree), "ls-files", "-z").split("\0")) - {""}
    os.environ["SOURCE_DATE_EPOCH"] = _git("-C", str(tree), "log", "-1", "--format=%ct").strip()
    version = re.search(r'__version__ = "(.+)"', (tree / "capture" / "__init__.py").read_text())[1]  # type: ignore[index]

    _say("tools")
    venv.create(work / "tools", with_pip=True)
    python = work / "tools" / "bin" / "python"
    pins = str(HERE / "requirements.txt")
    subprocess.run([python, "-m", "pip", "install", "-q", "--require-hashes", "-r", pins], check=True)
    _say(f"sdist and wheels of {version}")
    targets = list(_targets(tree))
    sdist, built = wheels.build_all(
        python, tree, dist, targets if wanted_wheels else [f"manylinux_2_17_{each}" for each in bundle.DEBIAN]
    )
    wheels.check_sdist(sdist, tracked)
    for wheel in built:
        wheels.check_wheel(wheel, tracked, version)
    (ours,) = (wheel for wheel in built if "manylinux" in wheel.name and wheel.stem.endswith("x86_64"))
    answers: dict[Path | str, str] = {}
    for number, each in enumerate(wheels.pythons() if wanted_wheels else []):
        _say(f"{ours.name} installed by {each}, without a compiler")
        answers[each] = wheels.try_wheel(each, ours, work / f"try-{number}")
    if answers:
        newest = wheels.pythons()[-1]
        _say(f"the same from a folder of files, with no index asked, by {newest}")
        answers["from files"] = wheels.try_wheel(newest, ours, work / "try-files", wheels.collect(newest, ours, work))
    if len(set(answers.values())) > 1:
        raise wheels.Unfit(f"{ours.name}: another answer with another Python: {', '.join(map(str, answers))}")
    if any('"cause":"client_gave_up"' not in answer for answer in answers.values()):
        raise wheels.Unfit(f"{ours.name}: the report of the example names no client that gave up")
    made = [sdist, *built] if wanted_wheels else []
    for machine in bundle.DEBIAN if wanted_bundle else ():
        if (why := bundle_trial.cannot_run(machine)) is not None:
            _say(f"no bundle for {machine}: {why}")
            continue
        _say(f"bundle for {machine}")
        (wheel,) = (wheel for wheel in built if "manylinux" in wheel.name and wheel.stem.endswith(machine))
        packed = bundle.make(wheel, machine, version, work, HERE / "requirements-bundle.txt")
        if packed.stat().st_size > LARGEST_BUNDLE:
            raise wheels.Unfit(f"{packed.name}: {packed.stat().st_size >> 20} MB is more than {LARGEST_BUNDLE >> 20}")
        bundle_trial.check(packed, machine, work, next(iter(answers.values()), None), _say)
        made.append(packed)
    return made


def _targets(tree: Path) -> dict[str, object]:
    """Tags of wheels, as the build backend names them (which itself imports setuptools)."""
    text = (tree / "build_engine.py").read_text()
    return dict.fromkeys(re.findall(r'^    "((?:many|musl)linux_\w+|macosx_\w+)":', text, re.MULTILINE))


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments], capture_output=True, text=True, check=True
    ).stdout


def _say(line: str) -> None:
    print(f"== {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
