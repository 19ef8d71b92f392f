"""Who called connect() and was refused, where the answer came in an interrupt and no socket is left."""

from __future__ import annotations

import sys

from capture.kernel.connect_calls import FEW, KEPT_BYTES, PART, ConnectCalls
from capture.kernel.event import EventOwner, KernelEvent, Kind
from capture.kernel.formats import Format, Place
from capture.kernel.joining import Joiner
from capture.kernel.records import SYN_SENT, TraceRecord
from capture.kernel.refused_callers import with_callers
from capture.kernel.ring_pages import ENTRY
from capture.kernel.threads import Threads
from capture.model import Endpoint, Finding, Severity
from capture.sockets.findings.finding_words import phrase

LOCAL, REMOTE = Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.9", 80)
CLIENT = EventOwner(7, "client")


def told(*said: TraceRecord) -> list[KernelEvent]:
    threads = Threads(lambda table: "", lambda thread: CLIENT if thread == 71 else None)
    return list(Joiner().events([(1.0 + at / 1000, one) for at, one in enumerate(said)], threads))


def test_a_refusal_in_an_interrupt_is_told_of_the_thread_that_called() -> None:
    ended = TraceRecord("set_state", 0xABC, 0, LOCAL, REMOTE, state=SYN_SENT)
    error = TraceRecord("error_report", 0, 0, LOCAL, REMOTE, error=111)
    (event,) = told(TraceRecord("connecting", 0xABC, 71), ended, error)
    assert (event.errno, event.call, event.owner) == ("ECONNREFUSED", "connect", CLIENT)
    (unknown,) = told(TraceRecord("connecting", 0xDEF, 71), ended, error)  # another socket's call
    assert unknown.owner is None


def test_of_threads_that_have_ended_the_kernel_remembers_name_and_process() -> None:
    tables = {"saved_cmdlines": "7 seven\n71 many words\n17 other", "saved_tgids": "171 1\n71 70\n"}
    threads = Threads(lambda table: tables[table], lambda thread: None)
    assert threads.owner(71) == EventOwner(70, "many words")
    assert threads.owner(17) == EventOwner(17, "other")  # nobody kept its process
    assert threads.owner(1) is None


NAMES = ("common_type", "common_flags", "common_pid", "skaddr", "newstate")
PLACES = {name: Place(8 * at, 8 if name == "skaddr" else 4) for at, name in enumerate(NAMES)}


def call(second: int, thread: int, socket: int) -> bytes:
    numbers = {"common_type": 9, "common_flags": 0, "common_pid": thread, "skaddr": socket, "newstate": SYN_SENT}
    told = b"".join(numbers[name].to_bytes(8, sys.byteorder) for name in NAMES)
    return ENTRY.pack(second * 10**9, len(told)) + told


def test_a_few_sockets_and_a_storm_of_them_are_told_the_same() -> None:
    """Few are searched for; more than FEW are sought out of an index."""
    assert 9 < FEW < 100
    calls = ConnectCalls(Format(9, PLACES, {}))
    assert calls.thread(9, 9.0) == 0
    for socket in range(1, 100):  # a socket's address may be found where another number lies, and across two
        calls.keep(call(2, socket % 7 + 1, socket) + call(3, socket % 5 + 1, socket << 8))
    assert [calls.thread(socket, 9.0) for socket in range(1, 10)] == [socket % 7 + 1 for socket in range(1, 10)]
    every = [calls.thread(socket, 9.0) for socket in range(1, 100)]
    assert every == [socket % 7 + 1 for socket in range(1, 100)]
    assert [calls.thread(socket << 8, 9.0) for socket in range(1, 100)] == [one % 5 + 1 for one in range(1, 100)]


def test_a_sockets_memory_that_is_used_again_is_another_call() -> None:
    calls = ConnectCalls(Format(9, PLACES, {}))
    for second, thread in ((1, 71), (3, 73), (2, 72)):  # processors are read one by one
        calls.keep(call(second, thread, 0xABC))
    assert [calls.thread(0xABC, time) for time in (0.5, 1.5, 2.5, 9.0)] == [0, 71, 72, 73]
    assert calls.thread(0xDEF, 9.0) == 0
    for _ in range(2 * KEPT_BYTES // PART):
        calls.keep(call(4, 74, 0xEEE) * (PART // 50))
    assert calls.thread(0xEEE, 9.0) == 74
    assert calls.thread(0xABC, 9.0) == 0  # the oldest go


def test_sockets_that_were_not_heard_of_for_a_minute_are_forgotten() -> None:
    joiner, threads = Joiner(), Threads(lambda table: "", lambda thread: None)

    def ends(at: float, sockets: range) -> None:
        said = [(at, TraceRecord("set_state", number, 0, LOCAL, REMOTE, state=1)) for number in sockets]
        assert not list(joiner.events(said, threads))

    ends(0.0, range(1, 101))
    ends(30.0, range(101, 111))
    assert joiner.remembered == 110
    (failed,) = joiner.events([(50.0, TraceRecord("send", 5, 71, error=32))], threads)
    assert failed.remote == REMOTE
    ends(70.0, range(200, 201))
    assert joiner.remembered == 12  # those of half a minute ago, the one that failed, the new one


def refusals(process: str, sent: bool = False) -> Finding:
    text = f"100 resets; {phrase('caller_seen', process=process)}."
    facts: dict[str, object] = {"sent": sent, "process": process, "host": "10.0.0.9", "port": 80, "pid": None}
    return Finding("refusals", Severity.WARNING, "refused", text, 100, (), None, facts)


def test_a_finding_on_refusals_names_the_process_that_was_refused_most() -> None:
    unknown = phrase("unknown_process")
    other = EventOwner(8, "other")
    events = [
        KernelEvent(1.0, Kind.ERROR_REPORTED, LOCAL, REMOTE, errno="ECONNREFUSED", call="connect", owner=owner, count=n)
        for owner, n in ((CLIENT, 60), (other, 40))
    ]
    elsewhere = Endpoint("10.0.0.8", 80)
    events.append(KernelEvent(1.0, Kind.ERROR_REPORTED, LOCAL, elsewhere, errno="ECONNREFUSED", owner=other, count=99))
    (named,) = with_callers([refusals(unknown)], events)
    assert "the calls were of client[7], the kernel tells" in named.text
    assert (named.facts["pid"], named.facts["process"]) == (7, "client[7]")
    for left in (refusals("nginx[5]"), refusals(unknown, sent=True)):
        assert with_callers([left], events) == (left,)
    assert with_callers([refusals(unknown)], events[2:]) == (refusals(unknown),)


def test_a_finding_on_resets_that_came_names_whose_connections_were_reset() -> None:
    unknown = phrase("unknown_process")
    facts: dict[str, object] = {"sent": False, "process": unknown, "host": "10.0.0.9", "port": 80}
    reset = Finding("resets", Severity.WARNING, f"9 of {unknown}", f"9 for {unknown}.", 9, (), None, facts)
    events = [
        KernelEvent(1.0, Kind.ERROR_REPORTED, LOCAL, REMOTE, errno="ECONNREFUSED", owner=EventOwner(8, "other")),
        KernelEvent(1.0, Kind.RESET_RECEIVED, LOCAL, REMOTE, owner=CLIENT),
    ]
    (named,) = with_callers([reset], events)
    assert (named.title, named.text) == ("9 of client[7]", "9 for client[7].")
    assert named.facts["process"] == "client[7]"
    assert with_callers([reset], events[:1]) == (reset,)
