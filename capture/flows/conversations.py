"""Which conversation a packet belongs to: a hash table of 5-tuples and scopes that works on whole blocks.

Open addressing with linear probing, all rows of a block at once; keys are compared in full, so a colliding hash costs
time and never merges two conversations. The multipliers are random, so that no capture can be built to collide.
"""

from __future__ import annotations

import os

import numpy as np

from capture import kernels
from capture.wire.columns import I32, I64, Bool, PacketColumns

FIRST_SLOTS = 1 << 16
LARGEST = (1 << 63) - 1


class Conversations:
    """5-tuples with their scope, numbered from 0 by first packet. A conversation may hold several connections."""

    def __init__(self) -> None:
        self._count = 0
        self._lower = np.empty(1024, np.int64)
        self._upper = np.empty(1024, np.int64)
        self._scope = np.empty(1024, np.int32)
        self._slots = np.full(FIRST_SLOTS, -1, np.int32)
        self._multipliers = (_odd(), _odd(), _odd())

    def __len__(self) -> int:
        return self._count

    @property
    def lower(self) -> I64:
        """Address key << 16 | port of each conversation's lower end. Shape (conversations,)."""
        return self._lower[: self._count]

    @property
    def upper(self) -> I64:
        """Address key << 16 | port of each conversation's upper end. Shape (conversations,)."""
        return self._upper[: self._count]

    @property
    def scope(self) -> I32:
        """Index into the ScopeTable. Shape (conversations,)."""
        return self._scope[: self._count]

    def keys(self, block: PacketColumns) -> I32:
        """Each packet's conversation << 1 | sent by its upper end. Shape (n,)."""
        if kernels.KERNELS is not None:
            return self._in_one_loop(kernels.KERNELS, block)
        conversation, upper = self._number(block)
        return (conversation << 1) | upper

    def _in_one_loop(self, compiled: kernels.Kernels, block: PacketColumns) -> I32:
        n = len(block)
        self._make_room(n)
        self._grow_keys(self._count + n)
        key = np.empty(n, np.int32)
        self._count = compiled.conversations(
            (self._lower, self._upper, self._scope, self._slots),
            self._count,
            self._multipliers,
            n,
            (block.src, block.dst, block.sport, block.dport, block.scope),
            (key,),
        )
        return key

    def _number(self, block: PacketColumns) -> tuple[I32, Bool]:
        source = block.src << 16 | block.sport
        target = block.dst << 16 | block.dport
        swapped = source > target
        lower, upper = np.minimum(source, target), np.maximum(source, target)
        return self._find(lower, upper, block.scope), swapped

    def _find(self, lower: I64, upper: I64, scope: I32) -> I32:
        """Look up one packet of each conversation in the block, and let it speak for the others."""
        hashed = self._hash(lower, upper, scope)
        speaker = self._speakers(hashed)
        same = (lower[speaker] == lower) & (upper[speaker] == upper) & (scope[speaker] == scope)
        rows = np.arange(len(lower))
        lone = ~same  # its slot went to another conversation: it speaks for itself
        speaker[lone] = rows[lone]
        asked = np.flatnonzero(speaker == rows)
        ids = np.empty(len(lower), np.int32)
        ids[asked] = self._look_up(lower[asked], upper[asked], scope[asked], hashed[asked])
        found: I32 = ids[speaker]
        return found

    def _speakers(self, hashed: I64) -> I64:
        """For each row the first row of the block with the same low bits of its hash."""
        size = 1 << max(10, (4 * len(hashed)).bit_length())
        place = hashed & (size - 1)
        first = np.empty(size, np.int64)
        first[place[::-1]] = np.arange(len(hashed) - 1, -1, -1)  # the last write wins: the first row
        found: I64 = first[place]
        return found

    def _look_up(self, lower: I64, upper: I64, scope: I32, hashed: I64) -> I32:
        self._make_room(len(lower))
        slot = hashed & (len(self._slots) - 1)
        ids: I32 = self._slots[slot]
        unknown = np.flatnonzero(~self._same(ids, lower, upper, scope))
        known = self._count
        while len(unknown):
            self._claim(unknown, slot[unknown], lower, upper, scope)
            candidates = self._slots[slot[unknown]]
            ids[unknown] = candidates
            same = self._same(candidates, lower[unknown], upper[unknown], scope[unknown])
            unknown = unknown[~same]
            slot[unknown] = (slot[unknown] + 1) & (len(self._slots) - 1)
        if self._count > known:
            self._number_by_first_packet(ids, known, slot)
        return ids

    def _same(self, ids: I32, lower: I64, upper: I64, scope: I32) -> Bool:
        same: Bool = (self._lower[ids] == lower) & (self._upper[ids] == upper) & (self._scope[ids] == scope)
        return same & (ids >= 0)

    def _hash(self, lower: I64, upper: I64, scope: I32) -> I64:
        a, b, c = (np.int64(multiplier) for multiplier in self._multipliers)
        mixed = lower * a
        mixed ^= mixed >> 29
        mixed += upper * b
        mixed += scope * c
        mixed ^= mixed >> 31
        mixed *= a
        mixed >>= 24
        return mixed

    def _claim(self, rows: I64, slots: I64, lower: I64, upper: I64, scope: I32) -> None:
        """Give each empty slot to the first of the rows that hash to it; that row's key becomes a conversation."""
        free = self._slots[slots] < 0
        if not free.any():
            return
        rows, slots = rows[free], slots[free]
        self._slots[slots[::-1]] = rows[::-1]  # the last write wins: the first row
        winners = self._slots[slots] == rows
        rows, slots = rows[winners], slots[winners]
        start, stop = self._count, self._count + len(rows)
        self._grow_keys(stop)
        self._lower[start:stop], self._upper[start:stop] = lower[rows], upper[rows]
        self._scope[start:stop] = scope[rows]
        self._slots[slots] = np.arange(start, stop, dtype=np.int32)
        self._count = stop

    def _number_by_first_packet(self, ids: I32, known: int, slot: I64) -> None:
        """Probing finds new keys out of order; number those of this block by their first packet."""
        new = np.flatnonzero(ids >= known)
        first = np.empty(self._count - known, np.int64)
        first[ids[new[::-1]] - known] = new[::-1]
        order = np.argsort(first)
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        ids[new] = rank[ids[new] - known] + known
        for keys in (self._lower, self._upper, self._scope):
            keys[known : self._count] = keys[known : self._count][order]
        self._slots[slot[first[order]]] = np.arange(known, self._count, dtype=np.int32)

    def _grow_keys(self, needed: int) -> None:
        if needed <= len(self._lower):
            return
        room = max(needed, 2 * len(self._lower))
        self._lower, self._upper = np.resize(self._lower, room), np.resize(self._upper, room)
        self._scope = np.resize(self._scope, room)

    def _make_room(self, rows: int) -> None:
        """Keep the table at most half full, even if every row of the coming block is a new conversation."""
        size = len(self._slots)
        while size < 2 * (self._count + rows):
            size *= 2
        if size == len(self._slots):
            return
        self._slots = np.full(size, -1, np.int32)
        slot = self._hash(self.lower, self.upper, self.scope) & (size - 1)
        waiting = np.arange(self._count, dtype=np.int32)
        while len(waiting):
            here = slot[waiting]
            free = self._slots[here] < 0
            self._slots[here[free]] = waiting[free]
            waiting = waiting[self._slots[here] != waiting]
            slot[waiting] = (slot[waiting] + 1) & (size - 1)


def _odd() -> int:
    return int.from_bytes(os.urandom(8), "little", signed=True) | 1
