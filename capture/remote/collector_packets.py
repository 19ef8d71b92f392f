# mypy: ignore-errors
# ruff: noqa: D100, D102, UP
#
# The part of the collector (collector.py, same rules) that takes packets, put in front of it where they are asked for.
# FILTER, in front of this, is the program that the kernel runs on each packet, with OWN where the port of this very
# connection goes: what is sent home is not reported. The kernel's own ring is read block by block, as packet_ring.py
# does at home, and the blocks go there as they are.
import ctypes
import mmap
import os
import socket
import struct

OWN = 65534
BLOCK, BLOCKS, LOOSE_MS = 1 << 19, 64, 500
MOST_PACKETS = 16 << 20  # bytes of blocks in one frame: what is more waits in the ring, or is dropped and counted


class Packets:
    """`missing`: why there are none."""

    def __init__(self):
        self.missing, self.seen, self.dropped, self.next, self.ring = [], 0, 0, 0, None
        try:
            self.socket = socket.socket(17, socket.SOCK_DGRAM, socket.htons(3))
            port = (os.environ.get("SSH_CONNECTION", "") + "   ").split(" ")[1]
            own = struct.pack("=I", int(port) if port.isdigit() else 0)
            code = FILTER.replace(struct.pack("=I", OWN), own)  # noqa: F821
            held = ctypes.create_string_buffer(code)
            self.socket.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", len(code) // 8, ctypes.addressof(held)))
            self.socket.setsockopt(263, 10, 2)
            ring = struct.pack("=7I", BLOCK, BLOCKS, 2048, BLOCK * BLOCKS // 2048, LOOSE_MS, 0, 0)
            self.socket.setsockopt(263, 5, ring)
            self.ring = mmap.mmap(self.socket.fileno(), BLOCK * BLOCKS)
        except (OSError, ValueError) as error:
            why = "run as root there (--sudo)" if getattr(error, "errno", 0) in (1, 13) else str(error)
            self.missing.append("no packets: " + why)

    def read(self):
        """Blocks, each after its length."""
        blocks, size = [], 0
        while self.ring is not None and size < MOST_PACKETS:
            at = self.next * BLOCK
            status, packets, _, length = struct.unpack_from("=4I", self.ring, at + 8)
            if not status & 1:
                break
            if packets:
                block = self.ring[at : at + min(length, BLOCK)]
                blocks.append(struct.pack("=I", len(block)) + block)
                size += len(block)
            struct.pack_into("=I", self.ring, at + 8, 0)
            self.next = (self.next + 1) % BLOCKS
        return b"".join(blocks)

    def document(self, blocks):
        if self.ring is not None:
            seen, dropped = struct.unpack_from("=II", self.socket.getsockopt(263, 6, 12))
            self.seen += seen
            self.dropped += dropped
        return {
            "bytes": len(blocks),
            "seen": self.seen,
            "dropped": self.dropped,
            "missing": self.missing,
            "interfaces": {
                str(number): os.fsencode(name).decode("utf-8", "backslashreplace")
                for number, name in socket.if_nameindex()
            },
            "kernel": os.uname().release,
        }
