"""The other network namespaces of a watch: those looked into, and those that are only counted, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from capture.language import count_of
from capture.sockets.limits import limit_text
from capture.sockets.snapshot import Unseen
from capture.sockets.sources.socket_errors import SourceUnavailable

if TYPE_CHECKING:
    from capture.sockets.sources.namespaces import Found
    from capture.sockets.sources.source_protocol import Source
    from capture.sockets.watched_namespace import WatchedNamespace

EVERY_S = 3.0
"""How often namespaces that came and went are looked for."""
NAMED = 4


class Elsewhere:
    """A WatchedNamespace for each namespace that may be entered (`entering`); the sockets of the others are counted.

    `take_in` and `leave` tell the watcher of namespaces that come and go; `make` makes one of a source.
    """

    def __init__(
        self,
        entering: bool,
        make: Callable[[Source], WatchedNamespace],
        take_in: Callable[[WatchedNamespace], None],
        leave: Callable[[WatchedNamespace], None],
        own: tuple[str, int] | None = None,
    ) -> None:
        self.entering = entering
        self.namespaces: dict[tuple[str, int], WatchedNamespace] = {}
        self.unseen: tuple[Unseen, ...] = ()
        self._make, self._take_in, self._leave = make, take_in, leave
        self._own = own
        self._found: dict[tuple[str, int], Found] = {}
        self._aliases: dict[tuple[str, int], tuple[str, int]] = {}
        """Of a namespace entered, its other key; numbers of /proc are used again, so it goes with it."""
        self._refused: set[tuple[str, int]] = set()
        self._searched: float | None = None

    def refresh(self, now: float, with_netlink: bool) -> None:
        """Finds what appeared and lets go of what went, every few seconds; counts what is not looked into."""
        if self._searched is not None and now - self._searched < EVERY_S:
            return
        from capture.sockets.sources.namespaces import count_sockets, find_namespaces

        self._searched = now
        self._found = find_namespaces()
        self._found.pop(self._own or ("", 0), None)
        for key in self.namespaces.keys() - self._found.keys():
            self._let_go(key)
        self._refused &= self._found.keys()
        if self.entering:
            # Those with an inode first: what is inside tells which of the others is the same one under another key.
            for key in sorted(self._found.keys() - self.namespaces.keys()):
                if key not in self._aliases.values():
                    self._enter(key, with_netlink)
        # Where inodes of processes may not be read, a mounted namespace may be one that a process shows already.
        numbered = any(kind == "proc" for kind, _ in self._found)
        self.unseen = tuple(
            Unseen(found.namespace, count_sockets(found), key not in self._refused)
            for key, found in self._found.items()
            if key not in self.namespaces and key not in self._aliases.values() and not (found.pid is None and numbered)
        )

    def lost(self, key: tuple[str, int]) -> None:
        """A namespace could not be read: it, or the process it was read through, ended; searched in the next look."""
        self._let_go(key)
        self._searched = None

    def narrow(self, entering: bool) -> None:
        """Look into the others from the next look on, or no more."""
        if entering == self.entering:
            return
        self.entering, self._searched = entering, None
        if not entering:
            for key in list(self.namespaces):
                self._let_go(key)

    def limits(self, advice: str) -> Iterator[str]:
        """A sentence for those not asked for, and one for those that may not be entered."""
        for permitted, code in ((True, "namespaces_not_asked"), (False, "namespaces_hidden")):
            if text := _sentence(code, [one for one in self.unseen if one.permitted is permitted], advice):
                yield text

    def _let_go(self, key: tuple[str, int]) -> None:
        self._aliases.pop(key, None)
        self._leave(self.namespaces.pop(key))

    def _enter(self, key: tuple[str, int], with_netlink: bool) -> None:
        from capture.sockets.sources.namespaces import NamespaceSource, open_namespace

        try:
            source = open_namespace(self._found[key], enter=with_netlink)
            namespace = self._make(source)
        except SourceUnavailable:
            self._refused.add(key)
            return
        self._refused.discard(key)
        if isinstance(source, NamespaceSource):
            self._aliases[key] = ("proc", source.number)
        self.namespaces[key] = namespace
        self._take_in(namespace)


def _sentence(code: str, unseen: list[Unseen], advice: str) -> str:
    """Those that hold nothing need no word; those that could not be counted may hold something."""
    holding = sorted((one for one in unseen if one.sockets), key=lambda one: (-(one.sockets or 0), str(one.namespace)))
    uncounted = [one for one in unseen if one.sockets is None]
    if not holding and not uncounted:
        return ""
    named = [f"{one.namespace.name} {one.sockets}" for one in holding] + [one.namespace.name for one in uncounted]
    more = len(named) - NAMED
    listed = ", ".join(named[:NAMED]) + (limit_text("and_more", more=more) if more > 0 else "")
    counted = limit_text("uncounted", uncounted=len(uncounted)) if uncounted else ""
    total = sum(one.sockets or 0 for one in holding)
    return limit_text(
        code,
        namespaces=count_of(len(named), "other network namespace"),
        sockets=count_of(total, "TCP socket"),
        uncounted=counted,
        named=listed,
        advice=advice,
    )
