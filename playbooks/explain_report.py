"""`explain` written out: the published document `tcptriage.explain/1`, or text for a tired person."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from capture.safe_text import printable
from playbooks.language import tr
from playbooks.symptoms.explain_line import explain_line
from playbooks.symptoms.line_ends import lines_of
from playbooks.symptoms.line_meaning import playbook_without_symptom
from playbooks.symptoms.log_blocks import check_readable
from playbooks.symptoms.log_scan import scan_log
from playbooks.symptoms.multiline_entries import Entry, entry_after, entry_of, goes_on
from playbooks.symptoms.normalising import plain, small
from playbooks.symptoms.rules import symptoms
from playbooks.symptoms.several_logs import SeveralLogs
from playbooks.symptoms.summary import LogSummary
from playbooks.tables.table_reader import TableReader
from playbooks.tables.table_report import document as tables_document
from playbooks.tables.table_report import text_lines as table_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from playbooks.symptoms.explanation import End, Explained
    from playbooks.tables.pasted_table import PastedTable

SCHEMA = "tcptriage.explain/1"
MOST_PEERS, MOST_MINUTES, MOST_JOINS = 10, 20, 20


class Line(Struct):
    """A line as it was given: its number from 1, its text, what it says (None: no symptom), the log it is of; of a log
    also its time, or that of a line shortly before it."""

    number: int
    text: str
    explained: Explained | None
    log: str | None = None
    entry: Entry | None = None
    near: str | None = None

    @property
    def playbook(self) -> str | None:
        """Where to go on; also for a line without a symptom that tells of a server at its limit."""
        if self.explained is not None:
            return self.explained.playbook
        return playbook_without_symptom(small(plain(self.text)))


class Explanation(Struct):
    """What was asked and what was found. `lines` may be read once only: logs are not held in memory."""

    lines: Iterable[Line]
    summary: LogSummary = field(default_factory=LogSummary)
    logs: tuple[str, ...] = ()
    readers: list[tuple[str | None, TableReader]] = field(default_factory=list)
    several: SeveralLogs | None = None
    """What the logs tell together; None where there are not several."""

    @property
    def tables(self) -> list[tuple[str | None, PastedTable]]:
        """The tables of sockets and counters among the lines, each with its log; whole once `lines` were consumed."""
        return [(log, table) for log, reader in self.readers if (table := reader.table())]


def explain_texts(texts: Iterable[str]) -> Explanation:
    """Lines given one by one (an argument may hold several): each is kept, also those without a symptom."""
    lines = [line for text in texts for line in lines_of(text)]
    reader = TableReader()
    reader.take(lines)
    return Explanation(lines_explained(lines), readers=[(None, reader)])


def lines_explained(lines: Sequence[str]) -> list[Line]:
    """What each of some lines says alone, and the ends that its entry names where it goes on one."""
    explained_lines = [Line(number, text, explain_line(text)) for number, text in enumerate(lines, 1)]
    for line, last in zip(explained_lines, (None, *explained_lines), strict=False):
        explained = line.explained
        if explained is None or explained.remote is not None or explained.local is not None or not goes_on(line.text):
            continue
        if last is not None and last.explained is not None:
            line.entry = entry_after(last.number, last.explained, last.entry)
        else:
            before = ((number, lines[number - 1]) for number in range(line.number - 1, 0, -1))
            line.entry = entry_of(explained, before, explain_line)
    return explained_lines


def explain_logs(paths: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Explanation:
    """Logs (`-`: standard input), read while `lines` is consumed; only recognised lines. Raises LogUnreadable then."""
    paths = _each_once(paths)
    check_readable(paths)
    explanation = Explanation((), logs=tuple(paths), several=SeveralLogs(tuple(paths)) if len(paths) > 1 else None)
    explanation.readers = [(path if len(paths) > 1 else None, TableReader()) for path in paths]
    explanation.lines = _log_lines(paths, explanation, progress)
    return explanation


def _each_once(paths: Sequence[str]) -> list[str]:
    """A log that was named twice is read once: its lines are no second witness."""
    return list({path if path == "-" else os.path.realpath(path): path for path in reversed(paths)}.values())[::-1]


def _log_lines(
    paths: Sequence[str], explanation: Explanation, progress: Callable[[int, int], None] | None
) -> Iterator[Line]:
    summary, several = explanation.summary, explanation.several
    for log, path in enumerate(paths):
        done = (summary.bytes, summary.lines)

        def counted(size: int, lines: int, done: tuple[int, int] = done) -> None:
            summary.bytes, summary.lines = done[0] + size, done[1] + lines
            if progress is not None:
                progress(summary.bytes, summary.lines)

        for match in scan_log(path, log, counted, explanation.readers[log][1].feed):
            summary.add(match)
            if several is not None:
                several.add(match)
            named = path if len(paths) > 1 else None
            yield Line(match.line, match.text, match.explained, named, match.entry, match.near)


def line_document(line: Line) -> dict[str, Any]:
    """One entry of `lines`."""
    explained = line.explained
    document: dict[str, Any] = {
        "line": line.number,
        "text": line.text,
        "symptom": explained.symptom if explained else None,
        "errno": explained.errno if explained else None,
        "source": explained.source if explained else None,
        "local": _end(explained.local) if explained else None,
        "remote": _end(explained.remote) if explained else None,
        "time": explained.time if explained else None,
        "playbook": line.playbook,
        "meaning": explained.meaning if explained else None,
    }
    if line.log is not None:
        document["log"] = line.log
    if line.entry is not None:
        entry = line.entry
        document["entry"] = {"line": entry.line, "local": _end(entry.local), "remote": _end(entry.remote)}
    return document


def _end(end: End | None) -> dict[str, Any] | None:
    return None if end is None else {"ip": end.ip, "port": end.port}


def write_json(explanation: Explanation, stream: BinaryIO) -> int:
    """Write the document, line by line; returns how many lines had a symptom."""
    encode = msgspec.json.encode
    counts: Counter[str] = Counter()
    lines = iter(explanation.lines)
    first = next(lines, None)  # an unreadable log must complain before anything is written
    stream.write(b'{"schema":' + encode(SCHEMA) + b',"lines":[')
    separator = b"\n"
    line = first
    while line is not None:
        stream.write(separator + _encoded(line))
        separator = b",\n"
        if line.explained is not None:
            counts[line.explained.symptom] += 1
        line = next(lines, None)
    stream.write(b'],"matches":' + encode(dict(counts.most_common())))
    if explanation.logs:
        stream.write(b',"summary":' + encode(summary_document(explanation.summary)))
    if explanation.several is not None:
        stream.write(b',"together":' + encode(together_document(explanation)))
        shifts = explanation.several.shifts
        stream.write(b',"clocks":' + encode({explanation.logs[log]: shift for log, shift in shifts.items()}))
    for name, value in tables_document(explanation.tables).items():
        stream.write(b"," + encode(name) + b":" + encode(value))
    stream.write(b"}\n")
    return sum(counts.values())


def _encoded(line: Line) -> bytes:
    document = line_document(line)
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:  # a lone surrogate, from an argument that is no UTF-8
        document["text"] = line.text.encode("utf-8", "backslashreplace").decode()
        return msgspec.json.encode(document)


def summary_document(summary: LogSummary) -> dict[str, Any]:
    """Counts by peer and minute, and joins; the largest first, minutes and joins in order of time."""
    return {
        "lines": summary.lines,
        "bytes": summary.bytes,
        "first_time": summary.first_time,
        "last_time": summary.last_time,
        "peers": [{"symptom": s, "peer": p, "count": n} for (s, p), n in summary.peers.most_common(1000)],
        "minutes": [{"minute": m, "symptom": s, "count": n} for (m, s), n in sorted(summary.minutes.items())],
        "joins": [
            {"minute": j.minute, "by": j.by, "shared": j.shared, "proxy": j.proxy, "application": j.application}
            for j in summary.joins()
        ],
    }


def together_document(explanation: Explanation) -> list[dict[str, Any]]:
    """What several logs tell of one connection, or of one service at one time; logs by their paths."""
    return [
        {
            "by": one.by,
            "shared": one.shared,
            "first_time": one.first,
            "last_time": one.last,
            "logs": {explanation.logs[log]: symptoms_of for log, symptoms_of in one.logs.items()},
        }
        for one in (explanation.several.found() if explanation.several is not None else ())
    ]


def text_lines(explanation: Explanation) -> Iterator[str]:
    """The same for reading: each given line with its meaning, or a log's counts, peers, minutes and joins."""
    if explanation.logs:
        for _ in explanation.lines:
            pass
        yield from _summary_lines(explanation.summary)
        yield from _together_lines(explanation)
        yield from table_lines(explanation.tables)
        return
    tables = explanation.tables
    for line in explanation.lines:
        if line.explained is None and tables:  # a row of the table
            continue
        yield printable(line.text, 400)
        yield from _explained_lines(line)
        yield ""
    yield from table_lines(tables)


def _explained_lines(line: Line) -> Iterator[str]:
    explained, entry = line.explained, line.entry
    if explained is None:
        yield "  " + tr("no symptom known in this line")
        if line.playbook:
            yield "  " + tr("it tells of a server, not of a connection")
            yield f"  {tr('playbook')}: {line.playbook} (tcptriage playbook {line.playbook})"
        return
    head = [symptoms()[explained.symptom].title, f"({explained.symptom})"]
    head += [explained.errno] if explained.errno else []
    head += [tr("said by {source}", source=explained.source)] if explained.source else []
    yield "  " + " ".join(head)
    yield f"  {explained.meaning}"
    ends = _named(explained.local, explained.remote)
    ends += [tr("at {time}", time=explained.time)] if explained.time else []
    if ends:
        yield "  " + ", ".join(ends)
    if entry is not None:
        named = " ".join(_named(entry.local, entry.remote))
        yield "  " + tr("line {n} of the same entry names {ends}", n=entry.line, ends=named)
    yield f"  {tr('playbook')}: {explained.playbook}{_opened_by(explained)}{_own(explained.symptom)}"


def _named(local: End | None, remote: End | None) -> list[str]:
    return [f"{tr(name)} {end}" for name, end in (("local", local), ("remote", remote)) if end]


def _opened_by(explained: Explained) -> str:
    """What to type next, in brackets; nothing where no playbook is about it."""
    return f" (tcptriage playbook {explained.playbook})" if explained.playbook else ""


def _own(symptom: str) -> str:
    """The user's own playbooks for a symptom, in brackets; nothing where there are none."""
    from playbooks.loader import own_for

    names = own_for(symptom)
    return tr(" (yours: {names})", names=", ".join(names)) if names else ""


def _summary_lines(summary: LogSummary) -> Iterator[str]:
    yield tr(
        "{n} lines read, {matches} with a symptom",
        n=f"{summary.lines:,}",
        matches=f"{sum(summary.matches.values()):,}",
    )
    if not summary.matches:
        return
    unknown = tr("an unknown time")
    yield tr("from {begin} to {end}", begin=summary.first_time or unknown, end=summary.last_time or unknown)
    yield ""
    for code, count in summary.matches.most_common():
        sample = summary.samples[code]
        yield f"{count:>9,}  {symptoms()[code].title} ({code}), {tr('playbook')}: {sample.explained.playbook}"
        yield " " * 11 + tr("e.g. line {n}: {text}", n=sample.line, text=printable(sample.text, 160))
    yield from _table(tr("by peer"), ((f"{p}  {s}", n) for (s, p), n in summary.peers.most_common(MOST_PEERS)))
    busiest = sorted(sorted(summary.minutes.items(), key=lambda item: -item[1])[:MOST_MINUTES])
    yield from _table(tr("by minute (the busiest)"), ((f"{m}  {s}", n) for (m, s), n in busiest))
    yield from _join_lines(summary)


def _table(title: str, rows: Iterable[tuple[str, int]]) -> Iterator[str]:
    rows = list(rows)
    if rows:
        yield ""
        yield title
        yield from (f"{count:>9,}  {printable(text)}" for text, count in rows)


def _join_lines(summary: LogSummary) -> Iterator[str]:
    joins = summary.joins()
    if not joins:
        return
    yield ""
    yield tr("requests that ended early beside errors that an application met")
    for join in joins[:MOST_JOINS]:
        shared = f" {join.by} {printable(join.shared)}" if join.shared else ""
        counts = ", ".join(f"{n} {code}" for code, n in (*join.proxy.items(), *join.application.items()))
        yield f"  {join.minute}{shared}: {counts}"
    if len(joins) > MOST_JOINS:
        yield "  … " + tr("and {n} more", n=f"{len(joins) - MOST_JOINS:,}")


def _together_lines(explanation: Explanation) -> Iterator[str]:
    several = explanation.several
    found = several.found() if several is not None else []
    if several is None or not found:
        return
    yield ""
    yield tr("the same in several logs")
    for log, shift in several.shifts.items():
        hours = f"{shift / 3600:+g} h"
        yield "  " + tr(
            "{log} names no zone: its times agree with the others' if they are moved by {hours}, and are here",
            log=printable(explanation.logs[log], 60),
            hours=hours,
        )
    for one in found[:MOST_JOINS]:
        yield f"  {one.by} {printable(one.shared)}" + (" " + tr("at {time}", time=one.first) if one.first else "")
        for log, counts in one.logs.items():
            explained = ", ".join(f"{count} {code}" for code, count in counts.items())
            yield f"      {printable(explanation.logs[log], 60)}: {explained}"
    if len(found) > MOST_JOINS:
        yield "  … " + tr("and {n} more", n=f"{len(found) - MOST_JOINS:,}")


def write_text(explanation: Explanation, stream: BinaryIO) -> None:
    """Write the text as UTF-8."""
    for line in text_lines(explanation):
        stream.write(f"{line}\n".encode("utf-8", "backslashreplace"))
