"""Formats that are not read, and the command that makes a capture of each.

Magic numbers from Wireshark's wiretap (file_access.c and the reader of each format); ERF and ETL have none, and are
known by how their first headers fit together.
"""

from __future__ import annotations

import re
import struct

PREFIX = 512  # bytes that tell

_EDITCAP = "convert it: editcap IN OUT.pcapng"
_WINDOWS = "convert it on Windows: pktmon etl2pcap IN.etl --out OUT.pcapng"
_FORMATS = {
    b"snoop\0\0\0": ("it is a snoop file", _EDITCAP),
    b"btsnoop\0": ("it is a Bluetooth log", "it holds no TCP: give a capture of the network"),
    b"GMBU": ("it is a Network Monitor file", _EDITCAP),
    b"RTSS": ("it is a Network Monitor file", _EDITCAP),
    b"XCP\0": ("it is a NetXray or Sniffer file", _EDITCAP),
    b"VL\0\0": ("it is a NetXray file", _EDITCAP),
    b"TRSNIFF data": ("it is a Sniffer file", _EDITCAP),
    b"iptrace 1.0": ("it is an iptrace file", _EDITCAP),
    b"iptrace 2.0": ("it is an iptrace file", _EDITCAP),
    b"\x7fver": ("it is an EtherPeek file", _EDITCAP),
    b"\x05VNF": ("it is a Visual Networks file", _EDITCAP),
    b"\x54\x52\x00\x64\x00": ("it is an HP-UX nettl file", _EDITCAP),
    b"\0\0\0\1\0\0\0\0\0\7\xd0\0": ("it is an HP-UX nettl file", _EDITCAP),
    b"\x01\x10\x4c\x00": ("it is a LANalyzer file", _EDITCAP),
    b"ObserverPktBuffe": ("it is an Observer file", _EDITCAP),
    b"\xaa\xaa\xaa\xaa": ("it is a 5View file", _EDITCAP),
    b"\x42\xd2\x00\x34\x12\x66\x22\x88": ("it is a RADCOM file", _EDITCAP),
    b"\xac\x01\x00\x1c": ("it is a capture of Ixia's hardware", _EDITCAP),
    b"\xab\x01\x00\x1c": ("it is a capture of Ixia's software", _EDITCAP),
    b"+---------+-----": ("it is a K12 text", _EDITCAP),
    b"#separator \\x09": ("it is a log of Zeek", "give the capture that it was made from"),
    b"\xfd7zXZ": ("it is compressed with xz", "unpack it: unxz FILE"),
    b"BZh": ("it is compressed with bzip2", "unpack it: bunzip2 FILE"),
    b"\x04\x22\x4d\x18": ("it is compressed with lz4", "unpack it: lz4 -d FILE"),
    b"\x1f\x9d": ("it is compressed with compress", "unpack it: gunzip FILE"),
    b"PK\x03\x04": ("it is a zip archive", "unpack it and give the capture in it"),
    b"7z\xbc\xaf\x27\x1c": ("it is a 7z archive", "unpack it and give the capture in it"),
    b"Rar!": ("it is a rar archive", "unpack it and give the capture in it"),
    b"%PDF": ("it is a PDF document", "copy the packets' text out of it"),
    b"\x7fELF": ("it is a program", "give a capture"),
}
_MAGIC = r"(?:d4 ?c3 ?b2 ?a1|a1 ?b2 ?c3 ?d4|4d ?3c ?b2 ?a1|a1 ?b2 ?3c ?4d|0a ?0d ?0d ?0a|1f ?8b ?08 ?[0-9a-f]{2})"
_WRITTEN_OUT = {  # of pcap, pcapng and gzip: how the first bytes look there, and what makes them bytes again
    r"(1MOy|obLD|TTyy|obI8|Cg0N|H4sI)[A-Za-z0-9+/\s]+=*": (
        "it is a capture in base64",
        "make it binary: base64 -d IN > OUT.pcap",
    ),
    rf"(?i)0+:? {_MAGIC} .*": ("it is a hex dump of a capture", "make it binary: xxd -r IN > OUT.pcap"),
    rf"(?i)0+  {_MAGIC} .*": (
        "it is a hex dump of a capture",
        "make it binary: sed 's/^[0-9a-f]* *//; s/|.*//' IN | xxd -r -p > OUT.pcap",
    ),
    rf"(?i){_MAGIC}[0-9a-f\s]+": ("it is a capture in hexadecimal", "make it binary: xxd -r -p IN > OUT.pcap"),
    r"(?i)0000 {1,3}([0-9a-f]{2} ){8,16}.*": (
        "it is a hex dump of packets",
        "make a capture of it: text2pcap IN OUT.pcapng",
    ),
}
_ERF_TYPES = 48  # the highest type of record


def format_not_read(prefix: bytes) -> tuple[str, str] | None:
    """What a file is and what to do, by its first PREFIX bytes; None where it is none of these."""
    for magic, advice in _FORMATS.items():
        if prefix.startswith(magic):
            return advice
    text = prefix[:PREFIX].decode("latin-1").strip()
    for form, advice in _WRITTEN_OUT.items():
        if re.fullmatch(form, text, re.DOTALL):
            return advice
    if prefix[257:262] == b"ustar":
        return "it is a tar archive", "unpack it and give the capture in it"
    if b"NetScaler" in prefix[:64]:
        return "it is a NetScaler trace", _EDITCAP
    if _is_etherpeek(prefix):
        return "it is an EtherPeek file", _EDITCAP
    if _is_etl(prefix):
        return "it is a Windows event trace (.etl)", _WINDOWS
    if _is_erf(prefix):
        return "it is an ERF file", _EDITCAP
    return None


def _is_etherpeek(prefix: bytes) -> bool:
    """Versions 5 to 7: the version, a status, and two sizes of the file that are the same (peekclassic.c)."""
    if len(prefix) < 64 or prefix[0] not in (5, 6, 7) or prefix[1]:
        return False
    length, packets, _date, _begin, _end, media = struct.unpack(">6I", prefix[2:26])
    return length >= 64 and 0 < packets < length and media in (0, 1, 2)


def _is_etl(prefix: bytes) -> bool:
    """A trace's first buffer: its size, what is filled of it, then the system's header event (WMI_BUFFER_HEADER)."""
    if len(prefix) < 0x50:
        return False
    size, saved, current = struct.unpack("<3I", prefix[:12])
    fits = size >= 1024 and not size % 512 and 0x48 < saved <= size and current <= size
    return fits and prefix[0x4A] in (1, 2) and prefix[0x4B] & 0xC0 == 0xC0


def _is_erf(prefix: bytes) -> bool:
    """A first record, whose lengths and type fit, and whose time is one of this age (erf.c)."""
    if len(prefix) < 18 or 0 not in prefix[8:16] or prefix[0] & prefix[1] >= 0xFE:  # a text
        return False
    seconds = struct.unpack("<I", prefix[4:8])[0]
    kind = prefix[8] & 0x7F
    record, _lost, wire = struct.unpack(">3H", prefix[10:16])
    in_age = 600_000_000 < seconds < 4_000_000_000
    return in_age and 0 < kind <= _ERF_TYPES and 18 <= record <= wire + 200 and wire > 0 and prefix[9] < 64
