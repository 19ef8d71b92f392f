"""Which files are one capture: pieces of one recording that was rotated or cut, in order of time.

Files are one capture where all of this holds, and the manifest says so of each:

- they lie in one folder, and have the same link types;
- their names differ in numbers only (tcpdump -C, -G, -W; dumpcap -b; split, editcap), or, whatever the files are
  called, each goes on with connections that another one left open, or begins within a second of another's end;
- they follow each other in time. Files whose times overlap were recorded beside each other, at several hosts or
  interfaces. Where names have several numbers (host 3, piece 14), the number is looked for that keeps such apart.

Whoever knows better says so: `together` names files that are one capture, `apart` takes each by itself.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from capture.fleet.errors import FleetRefused
from capture.fleet.model import Planned, Surveyed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SECOND = 1_000_000_000
OVERLAP_NS = SECOND  # pieces of a capture may overlap by so much: several threads write, or clocks step
LONG_GAP_NS = 86_400 * SECOND  # a day without a packet: whatever came before has ended
JOINT_NS = SECOND  # from the last packet of a piece to the first of the next, where names tell nothing
_PACKING = re.compile(r"\.(gz|zst|zstd)$")
_NUMBER = re.compile(r"\d+")

ALONE = "one file"
NAMED = "the user said so"
ROTATED = "names that differ in numbers only, the same link types, one after the other in time"
CONTINUED = "the same folder and link types, and each goes on with another's connections, or right where it ends"


def captures_of(files: Sequence[Surveyed], together: Sequence[str] = (), *, apart: bool = False) -> list[Planned]:
    """The captures that files make up, in order of their begin. `together`: patterns (`*`, `?`, `[…]`) of paths, of
    which each names the files of one capture. Raises FleetRefused where a pattern names none, or two name one."""
    named, rest = _named(files, together)
    groups: list[tuple[Sequence[Surveyed], str]] = [(group, NAMED) for group in named]
    if apart:
        groups += [([file], ALONE) for file in rest]
    else:
        groups += list(_found(rest))
    plans = [_planned(group, why) for group, why in groups]
    return sorted(plans, key=lambda plan: (_begin(plan.files[0]), plan.name))


def _planned(group: Sequence[Surveyed], why: str) -> Planned:
    ordered = tuple(sorted(group, key=lambda file: (_begin(file), _natural(file.path))))
    return Planned(ordered[0].path, ordered, why if len(ordered) > 1 else ALONE)


def _begin(file: Surveyed) -> int:
    """Those without a packet last."""
    return file.first_time if file.first_time is not None else 1 << 63


def _natural(path: str) -> tuple[tuple[int, int | str], ...]:
    """By which names sort as people read them: 2 before 10."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", path) if part)


def _named(files: Sequence[Surveyed], together: Sequence[str]) -> tuple[list[list[Surveyed]], list[Surveyed]]:
    groups: list[list[Surveyed]] = []
    taken: dict[str, str] = {}
    for pattern in together:
        group = [file for file in files if _matches(file.path, pattern)]
        if not group:
            raise FleetRefused(f"--together {pattern}: no file that was read has such a name")
        for file in group:
            if file.path in taken:
                raise FleetRefused(f"{file.path} is named by --together {taken[file.path]} and by {pattern}")
            taken[file.path] = pattern
        groups.append(group)
    return groups, [file for file in files if file.path not in taken]


def _matches(path: str, pattern: str) -> bool:
    """The whole path, or where the pattern has no folder its last part."""
    return fnmatch.fnmatchcase(path if "/" in pattern else _split(path)[1], pattern)


def _found(files: Sequence[Surveyed]) -> Iterable[tuple[Sequence[Surveyed], str]]:
    """Groups by names and times; then those by times alone, of what the names left by itself."""
    alone: list[Surveyed] = []
    for alike in _by(files, lambda file: (_folder(file.path), _shape(file.path), file.link_types, file.format)):
        for group in _apart_in_time(alike):
            if len(group) > 1:
                yield group, ROTATED
            else:
                alone += group
    for near in _by(alone, lambda file: (_folder(file.path), file.link_types, file.format)):
        yield from ((chain, CONTINUED) for chain in _chains(near))


def _by(files: Iterable[Surveyed], key: Callable[[Surveyed], object]) -> list[list[Surveyed]]:
    groups: dict[object, list[Surveyed]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return list(groups.values())


def _split(path: str) -> tuple[str, str]:
    """Folder and name; of a file in an archive (`zip://a.pcap::file:///b.zip`) the archive is part of the folder."""
    inside, _, archive = path.partition("::") if "://" in path else (path, "", "")
    folder, _, name = inside.rpartition("/")
    return f"{archive}::{folder}" if archive else folder, name


def _folder(path: str) -> str:
    return _split(path)[0]


def _name(path: str) -> str:
    return _PACKING.sub("", _split(path)[1])


def _shape(path: str) -> str:
    """The name without its numbers; tcpdump -C gives its first file none, so one at the end may be missing."""
    shape = _NUMBER.sub("#", _name(path))
    return shape.removesuffix("#")


def _numbers(path: str) -> list[str]:
    return _NUMBER.findall(_name(path))


def _apart_in_time(files: list[Surveyed]) -> list[list[Surveyed]]:
    """Files of one kind of name, parted so that those of a group follow each other."""
    if _follow(files):
        return _at_long_gaps(files)
    most = max(len(_numbers(file.path)) for file in files)
    for place in range(most):
        parts = _by(files, lambda file, place=place: (_numbers(file.path) + [""] * most)[place])  # type: ignore[misc]
        if len(parts) > 1 and any(len(part) > 1 for part in parts) and all(map(_follow, parts)):
            return [group for part in parts for group in _at_long_gaps(part)]
    return [[file] for file in files]


def _follow(files: list[Surveyed]) -> bool:
    """Does each begin when those before it have ended, or nearly? One of which nothing is known does."""
    end: int | None = None
    for file in sorted(files, key=_begin):
        if file.first_time is None or file.last_time is None:
            continue
        if end is not None and end - file.first_time > min(OVERLAP_NS, (file.last_time - file.first_time) // 10):
            return False
        end = max(file.last_time, end or file.last_time)
    return True


def _at_long_gaps(files: list[Surveyed]) -> list[list[Surveyed]]:
    groups: list[list[Surveyed]] = []
    end: int | None = None
    for file in sorted(files, key=_begin):
        if file.first_time is None or end is None or file.first_time - end <= LONG_GAP_NS:
            groups = [*groups[:-1], [*groups[-1], file]] if groups else [[file]]
        else:
            groups.append([file])
        end = max(file.last_time or 0, end or 0) or None
    return groups


def _chains(files: list[Surveyed]) -> list[list[Surveyed]]:
    """Files of which each goes on where another ends; one that might continue several continues none."""
    timed = sorted((file for file in files if file.first_time is not None), key=_begin)
    chains = [[file] for file in files if file.first_time is None]
    ends: list[list[Surveyed]] = []
    for file in timed:
        fits = [chain for chain in ends if _shared(chain[-1], file)]
        fits = fits or [chain for chain in ends if _joint(chain[-1], file)]
        if len(fits) == 1:
            fits[0].append(file)
        else:
            ends.append([file])
    return chains + ends


def _shared(before: Surveyed, after: Surveyed) -> bool:
    """Does a file go on with connections that another one, which ended before, left open?"""
    if before.last_time is None or after.first_time is None:
        return False
    apart = after.first_time - before.last_time
    return 0 <= apart <= LONG_GAP_NS and not set(before.open).isdisjoint(after.begun)


def _joint(before: Surveyed, after: Surveyed) -> bool:
    if before.last_time is None or after.first_time is None or before.first_time == before.last_time:
        return False
    return 0 <= after.first_time - before.last_time <= JOINT_NS
