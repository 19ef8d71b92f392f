"""Owners where the kernel tells how many descriptors a process has (Linux 6.2): real processes, real sockets.

The index is shown a folder with links to few of /proc's. What is held here: which descriptors it reads again, and when.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.sockets.owners import SWEEP_DESCRIPTORS, OwnerIndex
from capture.sockets.process_visibility import Visibility
from capture.sockets.row import SocketRow
from tests.capture.sockets.test_made_owners import SEEN, owners, row

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/fd") or os.stat("/proc/self/fd").st_size == 0,
    reason="this kernel does not tell how many descriptors a process has open",
)


class Holder:
    """Another process, which opens and closes what it is told. It begins with one descriptor, of the control socket."""

    def __init__(self) -> None:
        self._control, there = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(there.fileno(), 0)
            os.closerange(1, 1 << 16)
            with contextlib.suppress(BaseException):
                self._serve(socket.socket(fileno=0))
            os._exit(0)
        there.close()
        self._ask("dup", 0, 0)  # once it answers, all that it had of its parent is closed

    @staticmethod
    def _serve(control: socket.socket) -> None:
        while told := control.recv(99).decode().split():
            what, numbers = told[0], [int(each) for each in told[1:]]
            if what == "socket":
                made = socket.socket().detach()
                answer = [os.dup2(made, numbers[0]) if numbers else made]
                if numbers and numbers[0] != made:
                    os.close(made)
                answer.append(os.fstat(answer[0]).st_ino)
            elif what == "file":
                answer = [os.open("/dev/null", os.O_RDONLY)]
            elif what == "dup":
                answer = [os.dup2(*numbers)]
            else:
                os.close(numbers[0])
                answer = numbers
            control.send(" ".join(map(str, answer)).encode())

    def _ask(self, *what: object) -> list[int]:
        self._control.send(" ".join(map(str, what)).encode())
        return [int(each) for each in self._control.recv(99).split()]

    def socket(self, *at: int) -> tuple[SocketRow, int]:
        """A new socket, at a descriptor where one is given; its row, and its descriptor."""
        descriptor, inode = self._ask("socket", *at)
        return row(inode), descriptor

    def file(self) -> int:
        return self._ask("file")[0]

    def dup(self, old: int, new: int) -> None:
        self._ask("dup", old, new)

    def close(self, descriptor: int) -> None:
        self._ask("close", descriptor)

    def end(self) -> None:
        self._control.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Shown:
    """A folder like /proc that shows few processes, and an index of it."""

    def __init__(self, root: Path, visibility: Visibility = SEEN) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        (root / "self").symlink_to("/proc/self")
        self.index = OwnerIndex(str(root), visibility=visibility)

    def show(self, pid: int) -> None:
        (self.root / str(pid)).symlink_to(f"/proc/{pid}")

    def look(self, *new: SocketRow, thorough: bool = False) -> None:
        for each in new:
            self.index.add(each)
        self.index.refresh(thorough)

    def looks_until(self, one: SocketRow, pid: int, most: int = 60) -> int:
        """How many looks it takes until a process is known to hold a socket."""
        for looks in range(1, most):
            self.index.refresh()
            if [owner.pid for owner in one.owners] == [pid]:
                return looks
        return most


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path / "proc")


@pytest.fixture
def holder(shown: Shown) -> Iterator[Holder]:
    one = Holder()
    shown.show(one.pid)
    yield one
    one.end()


def test_the_kernel_counts_descriptors(shown: Shown, holder: Holder) -> None:
    one, fd = holder.socket()
    shown.look(one)
    assert shown.index.size_counts
    assert owners(one) == [(holder.pid, fd)]  # of two descriptors: the control socket is a stray
    process = shown.index.process(holder.pid)
    assert process is not None
    assert process.open_files == 2
    holder.file()
    shown.look()
    assert process.open_files == 3


def test_a_socket_that_was_opened_or_closed_since_the_last_look(shown: Shown, holder: Holder) -> None:
    first, _ = holder.socket()
    shown.look(first)
    second, fd = holder.socket()
    shown.look(second)
    assert owners(second) == [(holder.pid, fd)]
    third, fd = holder.socket()  # read before it shows in a dump
    shown.look()
    assert shown.index.unowned() == []
    shown.look(third)
    assert owners(third) == [(holder.pid, fd)]
    shown.index.remove(third, third.inode)
    holder.close(fd)
    shown.look()
    assert shown.index.unowned() == []


def test_sockets_that_are_read_before_they_show_in_a_dump(shown: Shown, holder: Holder) -> None:
    made = [holder.socket() for _ in range(2 * SWEEP_DESCRIPTORS)]
    shown.look()
    shown.look(*(one for one, _ in made))
    assert [owners(one) for one, _ in made] == [[(holder.pid, fd)] for _, fd in made]


def test_a_socket_put_in_a_files_place_is_found_at_the_next_look(shown: Shown, holder: Holder) -> None:
    """As many descriptors as before: only because a socket has no owner all are read again, ever more rarely."""
    places = [holder.file() for _ in range(4)]
    shown.look()
    first, _ = holder.socket(places[0])
    shown.look(first)
    assert owners(first) == []
    assert shown.looks_until(first, holder.pid) == 1


def test_while_a_socket_has_no_owner_all_are_read_again_ever_more_rarely(shown: Shown, holder: Holder) -> None:
    places = [holder.file() for _ in range(9)]
    lost = row(1)  # nobody holds it
    shown.look(lost)
    found = []
    for looks in range(1, 10):  # each time another socket in a file's place; is it seen at this look?
        one, fd = holder.socket(places[looks - 1])
        shown.look()
        process = shown.index.process(holder.pid)
        assert process is not None
        found.append(process.sockets.get(fd) == one.inode)
    assert found == [looks in (1, 2, 4, 8) for looks in range(1, 10)]
    assert lost.hidden == "not found"


def test_a_socket_put_in_a_sockets_place_is_found_by_reading_some_again(shown: Shown, holder: Holder) -> None:
    made = [holder.socket() for _ in range(SWEEP_DESCRIPTORS + 3)]
    shown.look(*(one for one, _ in made))
    for one, fd in made:
        assert owners(one) == [(holder.pid, fd)]
    holder.dup(made[0][1], made[1][1])
    holder.dup(made[2][1], made[-1][1])
    for _ in range(4):
        shown.look()
    assert sorted(owners(made[0][0])) == [(holder.pid, made[0][1]), (holder.pid, made[1][1])]
    assert sorted(owners(made[2][0])) == [(holder.pid, made[2][1]), (holder.pid, made[-1][1])]
    assert owners(made[1][0]) == owners(made[-1][0]) == []


def test_a_process_of_many_descriptors(shown: Shown, holder: Holder) -> None:
    """Beyond 64 the likely descriptors are read first: those that were let go, and those above the highest."""
    made = [holder.socket() for _ in range(50)]
    files = [holder.file() for _ in range(30)]
    shown.look(*(one for one, _ in made))
    new = []
    for gone in (4, 9):  # closed, and others opened: they take the lowest free numbers
        one, fd = made.pop(gone)
        holder.close(fd)
        shown.index.remove(one, one.inode)
        new.append(holder.socket())
    new.append(holder.socket())  # above the highest
    shown.look(*(one for one, _ in new))
    for one, fd in [*made, *new]:
        assert owners(one) == [(holder.pid, fd)]
    holder.close(files[3])
    late = holder.socket()  # in a file's place, and as many as before: found because nobody is known to hold it
    also = holder.socket()
    shown.look(late[0], also[0])
    assert owners(also[0]) == [(holder.pid, also[1])]
    assert shown.looks_until(late[0], holder.pid) == 1
    for fd in files[10:20]:
        holder.close(fd)
    last = holder.socket()  # fewer than before: the listing tells
    shown.look(last[0])
    assert owners(last[0]) == [(holder.pid, last[1])]
    for one, fd in made[:20]:
        holder.close(fd)
        shown.index.remove(one, one.inode)
    shown.look()
    process = shown.index.process(holder.pid)
    assert process is not None
    assert set(process.sockets) == {0, *(fd for _, fd in [*made[20:], *new, late, also, last])}


@pytest.mark.parametrize(("files", "at_once"), [(513, True), (514, False)])
def test_of_many_files_none_is_read_again_at_once(shown: Shown, holder: Holder, files: int, at_once: bool) -> None:
    """One file less, and a socket in the place of another: few files are looked at once more, many at the next look."""
    places = [holder.file() for _ in range(files)]
    shown.look()
    holder.close(places[5])
    one, fd = holder.socket(places[9])
    shown.look(one)
    assert (owners(one) == [(holder.pid, fd)]) == at_once
    shown.look()
    assert owners(one) == [(holder.pid, fd)]


def test_a_process_without_descriptors_is_passed_over_for_a_while(shown: Shown) -> None:
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        os.closerange(0, 1 << 16)
        signal.sigwait([signal.SIGUSR1])
        socket.socket().detach()
        signal.pause()
    while os.stat(f"/proc/{pid}/fd").st_size:
        pass
    shown.show(pid)
    shown.look()
    assert shown.index.processes == []  # like a thread of the kernel's
    os.kill(pid, signal.SIGUSR1)
    while not os.stat(f"/proc/{pid}/fd").st_size:
        pass
    one = row(os.stat(f"/proc/{pid}/fd/0").st_ino)
    shown.index.add(one)
    assert shown.looks_until(one, pid) == 31
    assert [(each.pid, each.open_files) for each in shown.index.processes] == [(pid, 1)]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_process_that_ends_between_two_looks(shown: Shown) -> None:
    one, other = Holder(), Holder()
    for each in (one, other):
        shown.show(each.pid)
    made = [one.socket() for _ in range(SWEEP_DESCRIPTORS + 9)]
    shown.look(*(each for each, _ in made))
    one.end()
    shown.look()  # the rest of the sweep has its descriptors
    assert [each.pid for each in shown.index.processes] == [other.pid]
    assert owners(made[0][0]) == [(one.pid, made[0][1])]  # until the next dump tells
    shown.index.remove(made[0][0], made[0][0].inode)
    shown.look()
    assert owners(made[1][0]) == []
    assert len(shown.index.unowned()) == len(made) - 1
    other.end()


@pytest.mark.root
def test_one_whose_descriptors_may_not_be_read_is_counted() -> None:
    if os.geteuid():
        pytest.skip("needs root to become another user")
    with tempfile.TemporaryDirectory() as folder:  # the test's own folder is for its user alone
        os.chmod(folder, 0o755)
        shown, holder, told = Shown(Path(folder) / "proc"), Holder(), os.pipe()
        shown.show(holder.pid)
        one = row(os.stat(f"/proc/{holder.pid}/fd/0").st_ino)
        looker = os.fork()
        if looker == 0:
            with contextlib.suppress(BaseException):
                os.setgroups([])
                os.setuid(65534)
                shown.look(one)
                (process,) = shown.index.processes
                text = f"{shown.index.hidden_processes} {one.hidden} {process.readable} {process.open_files}"
                os.write(told[1], text.encode())
            os._exit(0)
        os.waitpid(looker, 0)
        os.set_blocking(told[0], False)
        assert os.read(told[0], 99) == b"1 no permission False 1"
        holder.end()
