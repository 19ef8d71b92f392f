"""From the paths that were named to files: folders, patterns, stores."""

from __future__ import annotations

import glob
import os
import stat
from typing import TYPE_CHECKING, Any

from capture.fleet.model import LeftOut
from capture.recorder.incident_folder import PACKETS, is_incident
from capture.safe_text import printable
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.byte_source import why_not
from capture.wire.files.stores import file_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC = "*?["


def files_of(paths: Sequence[str], out: str) -> tuple[list[str], list[LeftOut]]:
    """All files under these paths, each once, and the paths of which nothing is read. Not what lies under `out`, nor
    what is hidden (a name that begins with a dot)."""
    found: dict[str, None] = {}
    left_out: list[LeftOut] = []
    own = out if "://" in out else os.path.realpath(out)
    for path in paths:
        for one in _stored(path) if "://" in path and not os.path.exists(path) else _local(path, own):
            if isinstance(one, LeftOut):
                left_out.append(one)
            elif not one.startswith(f"{own.rstrip('/')}/"):
                found[one] = None
    return list(found), left_out


def _local(path: str, own: str) -> Iterator[str | LeftOut]:
    if not os.path.lexists(path) and any(sign in path for sign in MAGIC):
        matching = sorted(glob.glob(path, recursive=True))
        if not matching:
            yield LeftOut(path, "no file matches")
        for one in matching:
            yield from _local(one, own)
        return
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        yield LeftOut(path, why_not(error)[0] if isinstance(error, OSError) else "the name holds a zero byte")
        return
    if stat.S_ISREG(mode):
        yield path
    elif stat.S_ISDIR(mode):
        yield from _folder(path, own)
    else:
        yield LeftOut(path, "it is no file: a pipe, a socket or a device is read by report")


def _folder(path: str, own: str) -> Iterator[str | LeftOut]:
    if os.path.realpath(path) == own:
        return
    if is_incident(path):
        yield os.path.join(path, PACKETS)
        return
    try:
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError as error:
        yield LeftOut(path, why_not(error)[0])
        return
    for name in names:
        inside = os.path.join(path, name)
        if os.path.islink(inside) and os.path.isdir(inside):  # it may lead back here
            yield LeftOut(inside, "a symbolic link to a folder is not followed; name the folder")
        else:
            yield from _local(inside, own)


def _stored(path: str) -> Iterator[str | LeftOut]:
    try:
        fs, name = file_system(path)
        if any(sign in name for sign in MAGIC) and not fs.exists(name):
            matching = sorted(fs.glob(name))
        elif fs.isdir(name):
            matching = sorted(fs.find(name))
        else:
            matching = None
    except CaptureUnreadable as error:
        yield LeftOut(path, error.why)
        return
    except Exception as error:  # each store's own kinds
        yield LeftOut(path, printable(f"{type(error).__name__}: {error}", 200))
        return
    if matching is None:
        yield path
    elif not matching:
        yield LeftOut(path, "no file matches")
    else:
        yield from (_address(fs, one, path) for one in matching if not one.rsplit("/", 1)[-1].startswith("."))


def _address(fs: Any, name: str, path: str) -> str:
    """A file's whole name, of the same store: `zip://a.pcap::file:///b.zip` keeps what is behind `::`."""
    first, _, behind = path.partition("::")
    scheme = first.partition("://")[0]
    plain = f"{scheme}://{name.lstrip('/')}" if behind else str(fs.unstrip_protocol(name))
    return f"{plain}::{behind}" if behind else plain
