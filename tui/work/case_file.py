"""Cases on disk: what one run of the program gathered and where it was, so that the next one can go on.

A case is a folder $XDG_STATE_HOME/tcptriage/cases/NAME (mode 0700) with case.json, replaced as a whole at each
change, and a lock that its process holds. A deleted case goes to .deleted beside the others, and can come back.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from tui.text.language import tr
from tui.work.evidence_item import Item

SCHEMA: Final = "tcptriage.case/1"
FILE, LOCK, DELETED = "case.json", "lock", ".deleted"
MOST_BYTES = 16 << 20
"""Of one case: evidence is text, and a case that is larger is a mistake."""
KEPT_CASES, KEPT_WITHOUT_EVIDENCE, KEPT_DELETED = 100, 20, 20


class CaseUnusable(Exception):  # noqa: N818 - as CaptureUnreadable
    """A case cannot be reopened, restored or deleted. One line: which, why, what to do."""


class Opened(msgspec.Struct, frozen=True):
    """What the command line named, as far as it takes part in reopening. Paths are absolute."""

    files: tuple[str, ...] = ()
    join: bool = False
    replay: str | None = None
    hosts: tuple[str, ...] = ()
    ssh: str = "ssh"
    sudo: bool = False

    @property
    def sentence(self) -> str:
        """What was open, in few words."""
        names = [Path(path).name for path in (*self.files, *((self.replay,) if self.replay else ()))]
        return ", ".join((*names, *self.hosts)) or tr("live connections")


class Place(msgspec.Struct, frozen=True):
    """Where the user was. `bottoms` says by mode what its first screen showed, `over` what lay over it in `mode`."""

    mode: str = "live"
    bottoms: dict[str, dict[str, Any]] = {}
    over: tuple[dict[str, Any], ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether there is more to lose than the mode."""
        return bool(self.over) or any(shown.get("filter") for shown in self.bottoms.values())


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """case.json. Times are epoch seconds; `dropped` is evidence that was taken out and can come back."""

    schema: str = SCHEMA
    name: str
    host: str
    version: str
    begun: float
    changed: float
    opened: Opened = Opened()
    items: tuple[Item, ...] = ()
    dropped: tuple[Item, ...] = ()
    place: Place = Place()


class CaseFolder:
    """The folder that is one case's, held by this process while it is open."""

    def __init__(self, cases: Path, name: str = "") -> None:
        """Without a name a new one is chosen when it is first written."""
        self._cases, self.name = cases, name
        self._lock: int | None = None

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._cases / self.name

    def hold(self) -> bool:
        """Nobody else writes it from now on; False where somebody does already. Raises OSError."""
        if self._lock is not None:
            return True
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:  # a file system without locks: then nobody can know
            pass
        self._lock = descriptor
        return True

    def let_go(self) -> None:
        """Others may write it; the end of the process does the same."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write(self, case: Case) -> None:
        """Replace what is on disk: after a power cut there is the old case or the new one. Raises OSError."""
        text = msgspec.json.encode(case, enc_hook=str)  # what a screen notes of its place must never cost the evidence
        if len(text) > MOST_BYTES:
            raise OSError(
                27, tr("the case is larger than {n} MB: x exports the evidence, d drops some", n=MOST_BYTES >> 20)
            )
        fresh = self.path / f"{FILE}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.path / FILE)
        except OSError:
            with suppress(OSError):
                os.unlink(fresh)
            raise

    def make(self, now: float) -> None:
        """A new folder under a name that is free, and held. Raises OSError."""
        self._cases.mkdir(mode=0o700, parents=True, exist_ok=True)
        tidy(self._cases)
        stem = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        for number in range(1, 1000):
            self.name = stem if number == 1 else f"{stem}-{number}"
            with suppress(FileExistsError):
                self.path.mkdir(mode=0o700)
                self.hold()
                return
        raise FileExistsError(17, "no name is free", str(self.path))


def cases_folder() -> Path | None:
    """Where cases lie; None for a user without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):
        return Path(state) / "tcptriage" / "cases"
    with suppress(RuntimeError):
        return Path.home() / ".local" / "state" / "tcptriage" / "cases"
    return None


def read_case(folder: Path) -> Case:
    """One case. Raises CaseUnusable."""
    try:
        with open(folder / FILE, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        case = msgspec.json.decode(text, type=Case)
    except OSError as error:
        raise CaseUnusable(
            tr("case {name} cannot be read: {why}", name=folder.name, why=(error.strerror or str(error)).lower())
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise CaseUnusable(f"case {folder.name} is damaged: {error}") from error
    if case.schema != SCHEMA:
        raise CaseUnusable(
            tr("case {name} was written by another version ({schema})", name=folder.name, schema=case.schema)
        )
    return msgspec.structs.replace(case, name=folder.name)


def list_cases(cases: Path | None, *, deleted: bool = False) -> list[Case]:
    """Those that can be read, the one that was changed last first."""
    found = []
    for folder in _folders(cases / DELETED if cases is not None and deleted else cases):
        with suppress(CaseUnusable):
            found.append(read_case(folder))
    return sorted(found, key=lambda case: (-case.changed, case.name))


def recent_files(most: int = 20) -> list[str]:
    """Files that cases had open and that are still there, the latest first."""
    opened = (case.opened for case in list_cases(cases_folder()))
    paths = dict.fromkeys(path for one in opened for path in (*one.files, *((one.replay,) if one.replay else ())))
    return [path for path in paths if os.path.exists(path)][:most]


def named_case(cases: Path | None, name: str) -> Case:
    """The case of that name, or the only one whose name begins so. Raises CaseUnusable, which names those there are."""
    folders = _folders(cases)
    fitting = [one for one in folders if one.name == name] or [one for one in folders if one.name.startswith(name)]
    if len(fitting) == 1:
        return read_case(fitting[0])
    if not folders:
        raise CaseUnusable(tr("there is no case {name}: none was kept yet", name=repr(name)))
    names = ", ".join(one.name for one in (fitting or folders)[-8:])
    what = (
        tr("several cases begin with {name}", name=repr(name))
        if fitting
        else tr("there is no case {name}", name=repr(name))
    )
    raise CaseUnusable(tr("{what}; there are {names} (`tcptriage cases` lists them)", what=what, names=names))


def take_up(cases: Path | None, name: str = "") -> tuple[Case, CaseFolder]:
    """The case to go on with, held: the named one, else the last that no other process holds. Raises CaseUnusable."""
    wanted = [named_case(cases, name)] if name else list_cases(cases)
    for case in wanted:
        assert cases is not None
        folder = CaseFolder(cases, case.name)
        try:
            if folder.hold():
                return case, folder
        except OSError:  # it can be read but not written: what was kept is shown, what follows is not kept
            return case, folder
    if wanted:
        raise CaseUnusable(tr("case {name} is open in another tcptriage", name=wanted[0].name))
    raise CaseUnusable(tr("there is no case to resume: none was kept yet"))


def delete_case(cases: Path, name: str) -> None:
    """Put a case where restore_case finds it. Raises CaseUnusable."""
    folder = CaseFolder(cases, name)
    try:
        if not folder.hold():
            raise CaseUnusable(tr("case {name} is open in another tcptriage", name=name))
        (cases / DELETED).mkdir(mode=0o700, exist_ok=True)
        _remove(cases / DELETED / name)
        os.replace(folder.path, cases / DELETED / name)
        os.utime(cases / DELETED / name)
    except OSError as error:
        raise CaseUnusable(
            tr("case {name} cannot be deleted: {why}", name=name, why=(error.strerror or str(error)).lower())
        ) from error
    finally:
        folder.let_go()


def restore_case(cases: Path, name: str) -> None:
    """Bring a deleted case back. Raises CaseUnusable."""
    try:
        if (cases / name).exists():
            raise CaseUnusable(tr("there is another case {name}", name=name))
        os.rename(cases / DELETED / name, cases / name)
    except OSError as error:
        raise CaseUnusable(
            tr("case {name} cannot be restored: {why}", name=name, why=(error.strerror or str(error)).lower())
        ) from error


def tidy(cases: Path) -> None:
    """Keep the number of cases bounded: the oldest go, first those without evidence. One that is open stays."""
    held = list_cases(cases)
    bare = [case for case in held if not case.items]
    for case in {one.name: one for one in (*bare[KEPT_WITHOUT_EVIDENCE:], *held[KEPT_CASES:])}.values():
        with suppress(CaseUnusable):
            delete_case(cases, case.name)
    trash = sorted(_folders(cases / DELETED), key=_age)
    for folder in trash[: max(0, len(trash) - KEPT_DELETED)]:
        _remove(folder)


def _age(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _folders(place: Path | None) -> list[Path]:
    if place is None:
        return []
    try:
        return sorted(one for one in place.iterdir() if not one.name.startswith(".") and (one / FILE).is_file())
    except OSError:
        return []


def _remove(folder: Path) -> None:
    """A case's folder holds files only."""
    with suppress(OSError):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
