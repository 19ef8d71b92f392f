"""Owners in a /proc that is made here, as kernels before 6.2 show it: the number of descriptors is not told."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

import capture.sockets.owners as owners_module
from capture.sockets.inet_diag_msg import RECORD
from capture.sockets.owners import OwnerIndex
from capture.sockets.process_visibility import Visibility
from capture.sockets.row import Moment, SocketRow

SEEN = Visibility(None, None)
ENDS = (b"\0\1", b"\0\2", bytes(16), bytes(16))


def row(inode: int) -> SocketRow:
    raw = RECORD.pack(2, 1, 0, 0, *ENDS, 0, inode.to_bytes(8, "little"), 0, 0, 0, 0, inode)
    return SocketRow(raw, Moment(0.0), None)


class Proc:
    """Processes as folders of links, and an index of them; `log` has each leave and enter, with the owners then."""

    def __init__(self, root: Path, visibility: Visibility = SEEN) -> None:
        self.root = root
        (root / "self").mkdir()
        (root / "self" / "fd").write_text("")  # an empty file: as large as a folder whose size tells nothing
        self.log: list[tuple[str, int, list[tuple[int, int]]]] = []
        self.index = OwnerIndex(
            str(root), lambda one: self._note("leave", one), lambda one: self._note("enter", one), visibility
        )

    def _note(self, what: str, one: object) -> None:
        assert isinstance(one, SocketRow)
        self.log.append((what, one.inode, owners(one)))

    def process(self, pid: int, name: str, **descriptors: int | str) -> None:
        """Sets what a process has open: `fd3=7` is socket 7, `fd3="/dev/null"` no socket."""
        folder = self.root / str(pid)
        shutil.rmtree(folder / "fd", ignore_errors=True)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text(f"{name}\n")
        for key, target in descriptors.items():
            os.symlink(f"socket:[{target}]" if isinstance(target, int) else target, folder / "fd" / key[2:])

    def relink(self, pid: int, descriptor: int, target: int | str | None) -> None:
        """One descriptor closed, or another socket's, in the same folder."""
        path = self.root / str(pid) / "fd" / str(descriptor)
        path.unlink(missing_ok=True)
        if target is not None:
            os.symlink(f"socket:[{target}]" if isinstance(target, int) else target, path)

    def close(self, pid: int, descriptor: int) -> None:
        """Closes a descriptor, if it is open."""
        (self.root / str(pid) / "fd" / str(descriptor)).unlink(missing_ok=True)

    def holders(self, inode: int) -> list[tuple[int, int]]:
        """Who holds a socket now."""
        links = self.root.glob("[1-9]*/fd/*")
        return sorted((int(one.parts[-3]), int(one.name)) for one in links if os.readlink(one) == f"socket:[{inode}]")


def owners(one: SocketRow) -> list[tuple[int, int]]:
    return [(owner.pid, owner.fd) for owner in one.owners]


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_who_holds_what(proc: Proc) -> None:
    proc.process(7, "web server", fd0="/dev/null", fd3=100, fd4=101, fd5=100)
    proc.process(8, "db", fd3=101)
    (proc.root / "sys").mkdir()
    one, two, three = row(100), row(101), row(102)
    for each in (one, two, three, row(0)):
        proc.index.add(each)
    assert proc.index.unowned() == [one, two, three]
    proc.index.refresh()
    assert sorted(owners(one)) == [(7, 3), (7, 5)]
    assert sorted(owners(two)) == [(7, 4), (8, 3)]
    assert owners(three) == []
    assert (three.hidden, one.hidden) == ("not found", None)
    assert proc.index.unowned() == [three]
    names = {each.pid: (each.name, each.open_files, dict(each.sockets)) for each in proc.index.processes}
    assert names == {7: ("web server", 4, {3: 100, 4: 101, 5: 100}), 8: ("db", 1, {3: 101})}
    assert proc.index.process(8) in proc.index.processes
    assert proc.index.process(9) is None
    assert {what for what, inode, _ in proc.log if inode == 102} == set()
    assert next(held for _, inode, held in proc.log if inode == 101) == []
    assert [(what, len(held)) for what, inode, held in proc.log if inode == 100] == [
        ("leave", 0), ("enter", 1), ("leave", 1), ("enter", 2),
    ]  # fmt: skip


def test_a_closed_descriptor_keeps_its_owner_until_the_next_dump(proc: Proc) -> None:
    proc.process(7, "web", fd3=100, fd4=101)
    one, two = row(100), row(101)
    proc.index.add(one)
    proc.index.add(two)
    proc.index.refresh()
    proc.relink(7, 3, None)
    proc.index.refresh()
    assert owners(one) == [(7, 3)]
    assert proc.index.unowned() == [one]
    proc.index.refresh()
    assert owners(one) == []
    assert one.hidden == "not found"
    assert owners(two) == [(7, 4)]
    proc.relink(7, 9, 100)
    proc.index.refresh()
    assert owners(one) == [(7, 9)]
    assert proc.index.unowned() == []


def test_another_holder_takes_over_at_once(proc: Proc) -> None:
    proc.process(7, "web", fd3=100)
    one = row(100)
    proc.index.add(one)
    proc.index.refresh()
    proc.process(8, "worker", fd5=100)
    proc.relink(7, 3, None)
    proc.index.refresh()
    assert owners(one) == [(8, 5)]
    proc.index.refresh()
    assert owners(one) == [(8, 5)]


def test_one_descriptor_of_several_is_closed(proc: Proc) -> None:
    proc.process(7, "web", fd3=100, fd5=100, fd6=500)
    proc.process(8, "worker", fd3=100)
    one = row(100)
    proc.index.add(one)
    proc.index.refresh()
    proc.relink(7, 3, None)
    proc.relink(7, 6, None)  # a socket of no row
    proc.index.refresh()
    assert sorted(owners(one)) == [(7, 5), (8, 3)]
    proc.relink(7, 5, "/dev/null")
    proc.index.refresh()
    assert owners(one) == [(8, 3)]


def test_a_row_that_goes_before_it_has_an_owner_is_not_looked_for(proc: Proc) -> None:
    one, two = row(100), row(101)
    proc.index.add(one)
    proc.index.add(two)
    proc.index.remove(one, 100)
    assert proc.index.unowned() == [two]
    proc.index.remove(row(101), 101)  # another row
    assert proc.index.unowned() == [two]


def test_a_row_that_goes_after_its_process(proc: Proc) -> None:
    proc.process(7, "web", fd3=100)
    one = row(100)
    proc.index.add(one)
    proc.index.refresh()
    shutil.rmtree(proc.root / "7")
    proc.index.refresh()
    assert owners(one) == [(7, 3)]  # until the next dump tells
    proc.index.remove(one, 100)
    proc.index.refresh()
    assert proc.index.unowned() == []


def test_a_row_that_goes_is_nobody_s(proc: Proc) -> None:
    proc.process(7, "web", fd3=100, fd4=101)
    one, two = row(100), row(101)
    proc.index.add(one)
    proc.index.add(two)
    proc.index.refresh()
    proc.index.remove(one, 100)
    assert proc.index.process(7).sockets == {4: 101}  # type: ignore[union-attr]
    proc.index.remove(row(101), 101)  # another row of the same inode: not the one that is known
    proc.relink(7, 3, None)
    proc.index.refresh()
    assert owners(two) == [(7, 4)]
    assert proc.index.unowned() == []
    again = row(100)
    proc.index.add(again)
    proc.relink(7, 3, 100)
    proc.index.refresh()
    assert owners(again) == [(7, 3)]


def test_a_process_that_ends_and_one_of_its_number(proc: Proc) -> None:
    proc.process(7, "web", fd3=100)
    one = row(100)
    proc.index.add(one)
    proc.index.refresh()
    first = proc.index.process(7)
    kept = proc.root / "kept"
    (proc.root / "7" / "fd").rename(kept)  # its inode is not used again
    proc.process(7, "other", fd3=200)
    proc.index.refresh()
    assert proc.index.process(7) is not first
    assert proc.index.process(7).name == "other"  # type: ignore[union-attr]
    proc.index.refresh()
    assert owners(one) == []
    shutil.rmtree(proc.root / "7")
    proc.index.refresh()
    assert proc.index.processes == []


def test_a_process_changes_its_name(proc: Proc) -> None:
    proc.process(7, "fork", fd3=100)
    proc.index.refresh()
    (proc.root / "7" / "comm").write_text("exec'd\n")
    proc.index.refresh()
    assert proc.index.process(7).name == "exec'd"  # type: ignore[union-attr]
    (proc.root / "7" / "comm").unlink()
    proc.index.refresh()
    assert proc.index.process(7).name == "exec'd"  # type: ignore[union-attr]


def test_a_socket_that_is_read_before_it_shows_in_a_dump(proc: Proc) -> None:
    proc.process(7, "web", fd3=100)
    proc.index.refresh()
    one = row(100)
    proc.index.add(one)
    proc.index.refresh()
    assert owners(one) == [(7, 3)]


def test_descriptors_are_read_again_a_few_a_look(proc: Proc) -> None:
    proc.process(7, "web", **{f"fd{n}": 100 + n for n in range(40)})
    rows = [row(100 + n) for n in range(40)]
    late = row(900)
    for each in [*rows, late]:
        proc.index.add(each)
    proc.index.refresh()
    assert all(owners(rows[n]) == [(7, n)] for n in range(40))
    for n in range(40):  # one closed and another opened at once: as many as before
        proc.relink(7, n, 139 - n)
    for _ in range(3):
        proc.index.refresh()
    assert [owners(rows[n]) for n in range(40)] == [[(7, 39 - n)] for n in range(40)]
    proc.index.refresh(thorough=True)
    proc.relink(7, 39, 900)
    proc.index.refresh(thorough=True)
    assert owners(late) == [(7, 39)]


def test_many_files_are_read_once_until_a_socket_stays_unknown(proc: Proc) -> None:
    proc.process(7, "log", **{f"fd{n}": "/dev/null" for n in range(514)})
    proc.index.refresh()
    proc.relink(7, 513, 100)
    one = row(100)
    proc.index.add(one)
    looks = 0
    while not owners(one):
        proc.index.refresh()
        looks += 1
        assert looks < 10
    assert owners(one) == [(7, 513)]


def test_a_process_whose_name_cannot_be_read(proc: Proc) -> None:
    proc.process(7, "web", fd3=100)
    (proc.root / "7" / "comm").unlink()
    proc.index.refresh()
    assert [each.name for each in proc.index.processes] == [""]


class Ending:
    """The os module of a machine whose processes may end, and descriptors close, before each call."""

    def __init__(self, proc: Proc, chance: random.Random) -> None:
        self._proc, self._chance = proc, chance
        self.getpid = os.getpid

    def _meanwhile(self) -> None:
        if self._chance.random() < 0.05:
            shutil.rmtree(self._proc.root / str(self._chance.choice(PIDS)), ignore_errors=True)
        elif self._chance.random() < 0.1:
            self._proc.close(self._chance.choice(PIDS), self._chance.randrange(4))

    def listdir(self, path: str) -> list[str]:
        self._meanwhile()
        return os.listdir(path)

    def readlink(self, path: str) -> str:
        self._meanwhile()
        return os.readlink(path)

    def stat(self, path: str) -> os.stat_result:
        self._meanwhile()
        return os.stat(path)


PIDS = (7, 8, 9)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_ends_meanwhile_nothing_is_missed_once_all_is_quiet(
    proc: Proc, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    rows: dict[int, SocketRow] = {}
    monkeypatch.setattr(owners_module, "os", Ending(proc, chance))
    for _ in range(40):
        pid, inode = chance.choice(PIDS), chance.randrange(100, 108)
        match chance.randrange(6):
            case 0:
                targets = {f"fd{n}": chance.choice((inode, 100, "/dev/null")) for n in range(chance.randrange(4))}
                proc.process(pid, "web", **targets)
            case 1 if (proc.root / str(pid) / "fd").is_dir():
                proc.relink(pid, chance.randrange(4), inode)
            case 2 if inode not in rows:
                rows[inode] = row(inode)
                proc.index.add(rows[inode])
            case 3 if inode in rows:
                proc.index.remove(rows[inode], inode)
                del rows[inode]
            case 4 if inode in rows:  # accepted, or orphaned: another inode in the same row
                held, other = rows.pop(inode), chance.choice([0, *(set(range(100, 108)) - rows.keys())])
                held.raw = row(other).raw
                proc.index.remove(held, inode)
                held.owners = ()
                proc.index.add(held)
                rows |= {other: held} if other else {}
            case 5:
                gone = [rows.pop(one) for one in list(rows) if chance.random() < 0.3]
                for one in gone:
                    one.raw = row(chance.choice((0, inode))).raw  # as a dump that broke off leaves it
                proc.index.forget(gone)
        proc.index.refresh(thorough=chance.random() < 0.2)
        assert {one.inode for one in proc.index.unowned()} <= rows.keys()
    monkeypatch.setattr(owners_module, "os", os)
    for _ in range(3):
        proc.index.refresh(thorough=True)
    for inode, one in rows.items():
        assert sorted(owners(one)) == proc.holders(inode)


@pytest.mark.parametrize(
    ("visibility", "why"),
    [
        (SEEN, "not found"),
        (Visibility("run_as_root", None), "no permission"),
        (Visibility(None, "hidepid"), "no permission"),
        (Visibility(None, "pid_namespace"), "other namespace"),
    ],
)
def test_why_nobody_is_known_to_hold_a_socket(tmp_path: Path, visibility: Visibility, why: str) -> None:
    proc = Proc(tmp_path, visibility)
    one = row(100)
    proc.index.add(one)
    proc.index.refresh()
    assert one.hidden == why
    assert proc.index.hidden_processes == 0
