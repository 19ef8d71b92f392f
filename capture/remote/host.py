"""One host: its collector's process, and the newest frame. Read on a thread: no host delays another."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from capture.remote.frames import Frame, FrameReader
from capture.remote.host_errors import HostUnreachable
from capture.remote.transport import reason

A_READ: Final = 1 << 18
KEPT_WORDS: Final = 4096
END_S: Final = 1.0
MOST_TOLD: Final = 120
"""Frames with events that wait to be read."""


class Host:
    """Starts the command at once. `name` is what was asked for; `frame` the newest, `arrived` when it came (monotonic),
    `trouble` why none comes any more: empty while all is well, and at the end (`ended`) after all `expected` frames."""

    def __init__(self, name: str, words: Sequence[str], program: bytes, expected: int | None = None) -> None:
        self.name = name
        self.ended = False
        self._expected = expected
        self.frame: Frame | None = None
        self.arrived = self.started = time.monotonic()
        self.trouble = ""
        self.frames = 0
        self._words = list(words)
        self._standard_error = bytearray()
        self._news = threading.Condition()
        self._event_frames: deque[Frame] = deque(maxlen=MOST_TOLD)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            process = subprocess.Popen(
                self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            self.trouble = f"{words[0]}: {error.strerror}"
            return
        self._process = process
        listening = self._begin(lambda: self._listen(process))
        self._begin(lambda: self._write(process, program))
        self._begin(lambda: self._read(process, listening))

    def wait(self, frames: int, until: float) -> bool:
        """Waits until there were so many frames, or no more will come, or the time (monotonic) is over."""
        with self._news:
            return self._news.wait_for(
                lambda: self.frames >= frames or self.ended or bool(self.trouble), max(0.0, until - time.monotonic())
            )

    def take_events(self) -> list[Frame]:
        """The frames with events or packets since the last call: of these none is passed over, as looks may be."""
        with self._news:
            frames = list(self._event_frames)
            self._event_frames.clear()
            return frames

    def close(self) -> None:
        """Ends the command."""
        process = self._process
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        if process.poll() is None:
            process.kill()
            process.wait()

    def _begin(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True, name=f"host {self.name}")
        thread.start()
        return thread

    def _write(self, process: subprocess.Popen[bytes], program: bytes) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as stream:
            stream.write(program)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        while data := process.stderr.read(A_READ):
            self._standard_error = (self._standard_error + data)[-KEPT_WORDS:]

    def _read(self, process: subprocess.Popen[bytes], listening: threading.Thread) -> None:
        assert process.stdout is not None
        reader = FrameReader()
        trouble = ""
        try:
            while data := process.stdout.read(A_READ):
                for frame in reader.feed(data):
                    self._take(frame)
        except HostUnreachable as error:
            trouble = str(error)
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        listening.join(END_S)  # its last words are the reason, and may be read after its end
        with self._news:
            self.ended = True
            if trouble or self._expected is None or self.frames < self._expected:
                self.trouble = trouble or reason(self._words, bytes(self._standard_error), process.poll())
            self._news.notify_all()

    def _take(self, frame: Frame) -> None:
        with self._news:
            self.frame = frame
            self.arrived = time.monotonic()
            self.frames += 1
            if frame.head.events is not None or frame.head.packets is not None:
                self._event_frames.append(frame)
            self._news.notify_all()
