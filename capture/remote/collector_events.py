# mypy: ignore-errors
# ruff: noqa: D100, D102, D103, UP, SIM105, PERF203
#
# The part of the collector (collector.py, same rules) that reads kernel events, put in front of it where they are asked
# for. EVENTS, in front of this: (path under events/, filter, reasons whose numbers stand for REASONS in it). All that
# it writes there is a tracing instance of its own, which goes with it however it ends.
import contextlib
import ctypes
import os
import re
import signal
import socket
import struct
import time

TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
MOST = 32 << 20  # bytes of pages, or of ends, in one frame


def write(path, words):
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, words.encode())
    finally:
        os.close(file)


def alive(pid):
    return pid.isdigit() and os.path.isdir("/proc/" + pid)


def call(library, number, *words):
    result = library.syscall(number, *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), "tracefs is not mounted there, and cannot be")
    return result


def detached():
    """The root of a tracefs that is mounted nowhere: fsopen, fsconfig, fsmount (Linux 5.2)."""
    library = ctypes.CDLL(None, use_errno=True)
    context = call(library, 430, b"tracefs", 1)
    call(library, 431, context, 6, None, None, 0)
    return "/proc/self/fd/" + str(call(library, 432, context, 1, 0))


class Events:
    """Tracepoints of an instance of our own, and the ends of connections; `missing`: what there is not, and why."""

    def __init__(self, text):
        self.text = text
        self.formats, self.missing, self.pipes, self.place, self.ends, self.lost = {}, [], [], "", None, 0
        self.guard = -1
        try:
            self.trace()
        except OSError as error:
            self.close()
            why = "run as root there (--sudo)" if error.errno in (1, 13) else str(error.strerror)
            self.missing.append("no kernel events: " + why)
        try:
            self.ends = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
            self.ends.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
            self.ends.bind((0, 0))
            for group in (1, 3):
                self.ends.setsockopt(270, 1, group)
            self.ends.setblocking(False)
        except OSError as error:
            self.ends = None
            self.missing.append("ends of connections: " + str(error.strerror) + ": run as root there (--sudo)")

    def trace(self):
        self.root = root = next((one for one in TRACING if os.path.isdir(one + "/events")), None) or detached()
        for name in os.listdir(root + "/instances"):
            if name.startswith("tcptriage-") and not alive(name[10:].split("-")[0]):
                with contextlib.suppress(OSError):
                    os.rmdir(root + "/instances/" + name)
        place = root + "/instances/tcptriage-" + str(os.getpid())
        os.mkdir(place, 0o700)
        self.place = place
        self.guarded()
        for name, value in (("trace_clock", "mono"), ("buffer_size_kb", "2048")):
            write(place + "/" + name, value)
        for name in ("record-tgid", "record-cmd"):
            with contextlib.suppress(OSError):
                write(place + "/options/" + name, "1")
        for name in sorted(os.listdir(place + "/per_cpu")):
            self.pipes.append(os.open(place + "/per_cpu/" + name + "/trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK))
        for path, words, reasons in EVENTS:  # noqa: F821
            try:
                with open(place + "/events/" + path + "/format") as file:
                    form = file.read()
                numbers = [n for n, name in re.findall(r'\{\s*(\w+),\s*"(\w+)"', form) if name in reasons]
                words = words.replace("REASONS", " || ".join("reason==" + n for n in numbers) or "reason==65535")
                if words:
                    write(place + "/events/" + path + "/filter", words)
                write(place + "/events/" + path + "/enable", "1")
                self.formats[path] = form
            except OSError as error:
                self.missing.append("no event " + path.split("/")[1] + ": " + str(error.strerror))

    def guarded(self):
        """A child that removes the instance when this process has ended, however."""
        reading, self.guard = os.pipe()
        os.set_inheritable(self.guard, False)
        if os.fork():
            os.close(reading)
            return
        os.setsid()
        os.close(self.guard)
        for one in (1, 15, 2, 13):
            signal.signal(one, signal.SIG_IGN)
        for one in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.close(one)
        os.read(reading, 1)
        for _ in range(50):
            try:
                os.rmdir(self.place)
                break
            except OSError:
                if not os.path.isdir(self.place):
                    break
                time.sleep(0.1)
        os._exit(0)

    def read(self):
        """(pages, each after its length; messages of ends)."""
        pages, ends, size = [], [], 0
        for pipe in self.pipes:
            while size < MOST:
                try:
                    page = os.read(pipe, 65536)
                except OSError:
                    break
                if not page:
                    break
                size += len(page)
                pages.append(struct.pack("=I", len(page)) + page)
        size = 0
        while self.ends is not None and size < MOST:
            try:
                message = self.ends.recv(4096)
            except OSError as error:
                if error.errno == 105:  # the kernel had to drop some
                    self.lost += 1
                    continue
                break
            size += len(message)
            ends.append(struct.pack("=I", len(message)) + message)
        return b"".join(pages), b"".join(ends)

    def document(self, pages):
        """What the head says of them; the kernel's memory of threads only where there is something to name."""
        names = {name: self.text(self.root + "/" + name) for name in ("saved_tgids", "saved_cmdlines")} if pages else {}
        lost, self.lost = self.lost, 0
        return {"formats": self.formats, "missing": self.missing, "names": names, "lost": lost}

    def close(self):
        for pipe in self.pipes:
            os.close(pipe)
        self.pipes = []
        if self.place:
            with contextlib.suppress(OSError):
                os.rmdir(self.place)
        if self.guard >= 0:
            os.close(self.guard)
            self.guard = -1
