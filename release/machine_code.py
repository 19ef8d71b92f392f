"""What a shared library says of itself: its machine, what it needs of the system (elf(5); Mach-O's loader.h)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
MACHO_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64"}
MACHO_64 = 0xFEEDFACF
LC_CODE_SIGNATURE, LC_BUILD_VERSION, LC_VERSION_MIN_MACOSX = 0x1D, 0x32, 0x24


@dataclass(frozen=True)
class SharedLibrary:
    """`glibc`: the newest version that a symbol asks for, (0, 0) where none does. `macos`: the oldest it runs on."""

    system: str  # linux or macosx
    machine: str
    glibc: tuple[int, int] = (0, 0)
    macos: tuple[int, int] = (0, 0)
    signed: bool = False
    names: frozenset[bytes] = field(default=frozenset(), repr=False)


def read_library(data: bytes) -> SharedLibrary:
    """Raises ValueError where it is neither ELF nor 64-bit Mach-O."""
    if data[:4] == b"\x7fELF":
        (machine,) = struct.unpack_from("<H", data, 18)
        asked = {(int(a), int(b)) for a, b in re.findall(rb"GLIBC_(\d+)\.(\d+)", data)}
        needed = frozenset(re.findall(rb"lib[a-z0-9_+-]+\.so(?:\.\d+)?", data))
        return SharedLibrary("linux", ELF_MACHINES.get(machine, str(machine)), max(asked, default=(0, 0)), names=needed)
    magic, cpu, _, _, commands = struct.unpack_from("<IIIII", data)
    if magic != MACHO_64:
        raise ValueError("neither ELF nor 64-bit Mach-O")
    at, oldest, signed = 32, (0, 0), False
    for _ in range(commands):
        kind, size = struct.unpack_from("<II", data, at)
        if kind in (LC_BUILD_VERSION, LC_VERSION_MIN_MACOSX):
            (version,) = struct.unpack_from("<I", data, at + (12 if kind == LC_BUILD_VERSION else 8))
            oldest = (version >> 16, version >> 8 & 255)
        signed |= kind == LC_CODE_SIGNATURE
        at += size
    return SharedLibrary("macosx", MACHO_MACHINES.get(cpu, hex(cpu)), macos=oldest, signed=signed)
