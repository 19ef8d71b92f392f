"""A triage written out: JSON, JSON lines, text or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, overload

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from capture.triage import Triage
    from capture.wire.column_types import I64

Format = Literal["text", "json", "jsonl", "md"]


def write_report(
    triages: Sequence[Triage],
    format: Format,
    stream: BinaryIO,
    *,
    selections: Sequence[Sequence[int]] | None = None,
    anonymize: Callable[[str], str] | None = None,
) -> None:
    """Write one report of all captures to a binary stream, as UTF-8.

    `selections` holds the connection ids to write of each capture (a filter's), in their order of first packet;
    default: all. `anonymize` maps the addresses in every piece of text; comments and names of a capture are left out.
    """
    if anonymize is not None:
        triages = [_without_remarks(triage) for triage in triages]
    ids = selections if selections is not None else [range(len(t.decoded.flows)) for t in triages]
    for piece in _pieces(triages, format, ids):
        stream.write(anonymize(piece.decode()).encode() if anonymize is not None else piece)


def _without_remarks(triage: Triage) -> Triage:
    from capture.wire.files.pcapng_comments import REMARKS

    notices = tuple(notice for notice in triage.decoded.notices if notice.code not in REMARKS)
    return replace(triage, decoded=replace(triage.decoded, notices=notices))


def _pieces(triages: Sequence[Triage], format: Format, ids: Sequence[Sequence[int]]) -> Iterable[bytes]:
    # what a format needs is imported where it is written: a small report does not wait for the other ones
    if format == "json":
        yield from _json(triages, ids)
    elif format == "jsonl":
        from capture.report.json_lines import connection_lines

        for triage, chosen in zip(triages, ids, strict=True):
            yield from connection_lines(triage, chosen)
            if len(chosen):
                yield b"\n"
    else:
        lines_of = _readable(format)
        for position, (triage, chosen) in enumerate(zip(triages, ids, strict=True)):
            if position:
                yield b"\n"
            for line in lines_of(triage, worst_first(triage, chosen)):
                yield f"{line}\n".encode("utf-8", "backslashreplace")


def _readable(format: Format) -> Callable[[Triage, Sequence[int]], Iterable[str]]:
    if format == "text":
        from capture.report.text import text_lines

        return text_lines
    from capture.report.markdown import markdown_lines

    return markdown_lines


def _json(triages: Sequence[Triage], ids: Sequence[Sequence[int]]) -> Iterable[bytes]:
    import msgspec

    from capture.report.document import SCHEMA, capture_document, findings_document
    from capture.report.json_lines import connection_lines

    encode = msgspec.json.encode
    findings = [finding for triage in triages for finding in triage.findings]
    yield b'{"schema":' + encode(SCHEMA)
    yield b',"captures":' + encode([capture_document(t.decoded) for t in triages])
    incidents = [incident for triage in triages for incident in triage.incidents]
    if incidents:
        from capture.report.incident_part import incident_document

        yield b',"incidents":' + encode([incident_document(one) for one in incidents])
    yield b',"findings":' + encode(findings_document(findings))
    yield b',"connections":['
    before = b"\n"
    for triage, chosen in zip(triages, ids, strict=True):
        if len(chosen):
            yield before
            before = b",\n"
        yield from connection_lines(triage, chosen, b",\n")
    yield b"]}\n"


def worst_first(triage: Triage, chosen: Sequence[int]) -> Sequence[int]:
    """The chosen connections in the order in which a reader should see them."""
    if len(chosen) == len(triage.order):
        return Order(triage.order)
    wanted = set(chosen)
    return [number for number in triage.order.tolist() if number in wanted]


class Order(Sequence[int]):
    """Connections in an order, numbers when they are asked for: a list of a million takes 40 MB."""

    def __init__(self, of: I64) -> None:
        self._of = of

    def __len__(self) -> int:
        return len(self._of)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> list[int]: ...
    def __getitem__(self, at: int | slice) -> int | list[int]:
        """One, or a list of some."""
        found: int | list[int] = self._of[at].tolist()
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._of.tolist())
