"""What the engine tells of a capture, as sentences. The codes are those of engine/reader.h (a test compares them)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum

from capture.engine.session import EngineNotice
from capture.language import tr
from capture.model import Notice
from capture.safe_text import printable
from capture.wire.files.pcapng_comments import COMMENT, LONGEST, NAMES, named_addresses
from capture.wire.headers.link_types import link_name


class NoticeCode(IntEnum):
    """enum notice_code of reader.h, which says what a, b and the text of each are."""

    LINK_TYPE = 0
    PACKET_CUT = 1
    BLOCK_CUT = 2
    BAD_RECORD = 3
    BAD_BLOCK = 4
    GIVEN_UP = 5
    UNKNOWN_INTERFACE = 6
    COMMENT = 7
    MORE_COMMENTS = 8
    NAMES = 9
    HEADERS_SNAPPED = 10
    FLAGS_SNAPPED = 11
    OPTIONS_SNAPPED = 12
    FRAGMENTS_MISSING = 13
    TOO_MANY_ERRORS = 14
    DROPPED = 15


def _comment(notice: EngineNotice) -> str:
    return f'"{printable((notice.text or b"").decode("utf-8", "replace"), LONGEST)}"'


_SENTENCES: dict[NoticeCode, tuple[str, str | Callable[[EngineNotice], str]]] = {
    NoticeCode.LINK_TYPE: (
        "unsupported_link_type",
        lambda notice: tr("link type {name} is not decoded: no TCP is seen in it", name=link_name(notice.a)),
    ),
    NoticeCode.PACKET_CUT: ("cut_short", "the file ends within a packet, which is left out"),
    NoticeCode.BLOCK_CUT: ("cut_short", "the file ends within a block, which is left out"),
    NoticeCode.BAD_RECORD: ("bad_record", "the record at byte {a} has an impossible header; {b} bytes passed over"),
    NoticeCode.BAD_BLOCK: ("bad_record", "the block at byte {a} is damaged; {b} bytes passed over"),
    NoticeCode.GIVEN_UP: ("cut_short", "too much of the file is damaged: nothing from byte {a} on is read"),
    NoticeCode.UNKNOWN_INTERFACE: (
        "bad_record",
        "packets of interface {a}, which no block describes, are left out",
    ),
    NoticeCode.COMMENT: (COMMENT, _comment),
    NoticeCode.MORE_COMMENTS: (COMMENT, "further comments are not told here"),
    NoticeCode.NAMES: (NAMES, lambda notice: named_addresses(notice.text or b"", ">" if notice.a else "<")),
    NoticeCode.HEADERS_SNAPPED: (
        "snapped",
        "{a} packets were captured too short for a TCP header, and are in no connection: raise the snaplen "
        "(tcpdump -s)",
    ),
    NoticeCode.FLAGS_SNAPPED: (
        "snapped",
        "{a} packets were captured without their TCP flags: what became of their connections is unknown; raise the "
        "snaplen (tcpdump -s)",
    ),
    NoticeCode.OPTIONS_SNAPPED: (
        "snapped",
        "{a} packets were captured without all of their TCP options: window scale and SACK may be unknown; raise the "
        "snaplen (tcpdump -s)",
    ),
    NoticeCode.FRAGMENTS_MISSING: (
        "fragments_missing",
        "{a} fragmented packets are left out: some of their fragments are missing",
    ),
    NoticeCode.TOO_MANY_ERRORS: ("too_many_errors", "{a} further ICMP errors were passed over"),
    NoticeCode.DROPPED: (
        "dropped_by_capture",
        "the capture itself dropped {a} packets, as it says: what is missing here may have passed by",
    ),
}


def sentences(found: Iterable[EngineNotice], source: Iterable[Notice] = ()) -> list[Notice]:
    """The notices of a capture in the report's order: its link types and container, its `source`, its headers."""
    container: list[Notice] = []
    headers: list[Notice] = []
    for one in found:
        (headers if one.code >= NoticeCode.HEADERS_SNAPPED else container).append(_sentence(one))
    return [*container, *source, *headers]


def _sentence(notice: EngineNotice) -> Notice:
    code, text = _SENTENCES[NoticeCode(notice.code)]
    sentence = tr(text, a=notice.a, b=notice.b) if isinstance(text, str) else text(notice)
    return Notice(code, sentence, notice.packet or None)
