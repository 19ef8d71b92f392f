# mypy: ignore-errors
# ruff: noqa: D100, D103, UP
#
# Runs on the other host: python >= 3.6, standard library only, from standard input. It reads the kernel's TCP sockets,
# /proc and counters, writes frames to standard output, and nothing else anywhere. What they mean is judged at home.
# INTERVAL, COUNT, EVENTS and FILTER are put in front of it, and the collectors of events and packets where those are
# asked for; by itself:
# python3 collector.py [COUNT [SECONDS]] >looks.frames
# A frame: 4 bytes of length (network order), then so many of zlib: 4 bytes of length of a JSON head, the head, then
# netlink messages one after another, pages of the trace ring, blocks of packets, ends of connections.
import json
import os
import signal
import socket
import struct
import sys
import time
import zlib

VERSION = 2
CONNECTIONS, LISTENERS = 0xFFF & ~(1 << 10), 1 << 10
INFO, MEMORY = 1 << 1, 1 << 6
STUCK_S = 60  # a home that takes no bytes for so long has gone
TEXTS = ("snmp", "netstat", "dev", "softnet_stat")
SETTINGS = (
    "ipv4/ip_local_port_range", "ipv4/ip_local_reserved_ports", "ipv4/tcp_fin_timeout", "ipv4/tcp_tw_reuse",
    "ipv4/tcp_syn_linear_timeouts", "ipv4/tcp_syncookies", "ipv4/tcp_max_syn_backlog", "ipv4/tcp_abort_on_overflow",
    "core/somaxconn",
)  # fmt: skip


def text(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return None


def dump(diag, states, extensions):
    messages = []
    for family in (socket.AF_INET, socket.AF_INET6):
        request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, extensions, 0, states) + bytes(48)
        diag.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0) + request)
        done = False
        while not done:
            data = diag.recv(1 << 16)
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == 3:
                    done = True
                    break
                if kind == 2:
                    code = -struct.unpack_from("=i", data, at + 16)[0]
                    if family == socket.AF_INET6:
                        return messages
                    raise OSError(code, os.strerror(code))
                messages.append(data[at : at + ((length + 3) & ~3)])
                at += (length + 3) & ~3
    return messages


def holders(wanted):
    """{pid: [comm, open files, limits, [[inode, fd]]]} of processes that hold these; how many may not be read."""
    found, hidden = {}, 0
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        place = "/proc/" + pid
        try:
            names = os.listdir(place + "/fd")
        except OSError as error:
            hidden += error.errno == 13
            continue
        held = []
        for name in names:
            try:
                link = os.readlink(place + "/fd/" + name)
            except OSError:
                continue
            if link.startswith("socket:["):
                inode = int(link[8:-1])
                if inode in wanted:
                    held.append([inode, int(name)])
        if held:
            limits = [
                line.split()[3:5] for line in (text(place + "/limits") or "").splitlines() if "open files" in line
            ]
            comm = (text(place + "/comm") or "?").rstrip("\n")
            found[pid] = [comm, len(names), limits[0] if limits else None, held]
    return found, hidden


def inodes(messages):
    return {struct.unpack_from("=I", message, 84)[0] for message in messages if len(message) >= 88}


def look(diag, events, packets):
    began = time.time()
    listeners = dump(diag, LISTENERS, MEMORY)
    messages = dump(diag, CONNECTIONS, INFO)
    found, hidden = holders(inodes(messages) | inodes(listeners))
    pages, ends = events.read() if events else (b"", b"")
    blocks = packets.read() if packets else b""
    head = {
        "version": VERSION,
        "time": began,
        "host": socket.gethostname(),
        "uid": os.geteuid(),
        "order": sys.byteorder,
        "clocks": [time.time(), time.clock_gettime(time.CLOCK_MONOTONIC)],
        "listeners": sum(map(len, listeners)),
        "connections": sum(map(len, messages)),
        "pages": len(pages),
        "events": events.document(pages) if events else None,
        "packets": packets.document(blocks) if packets else None,
        "holders": found,
        "hidden": hidden,
        "texts": {name: text("/proc/net/" + name) for name in TEXTS},
        "settings": {name: text("/proc/sys/net/" + name) for name in SETTINGS},
    }
    packed = json.dumps(head).encode()
    return struct.pack(">I", len(packed)) + packed + b"".join(listeners) + b"".join(messages) + pages + blocks + ends


def main(count, interval):
    diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
    diag.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    out = sys.stdout.buffer
    events = Events(text) if EVENTS else None  # noqa: F821
    packets = Packets() if FILTER else None  # noqa: F821
    try:
        due = time.time()
        if events and count == 1:  # a single look tells of the interval before it
            time.sleep(interval)
        for number in range(count):
            if number:
                due = max(due + interval, time.time())
                time.sleep(max(0.0, due - time.time()))
            frame = zlib.compress(look(diag, events, packets), 1)
            signal.alarm(STUCK_S)
            out.write(struct.pack(">I", len(frame)) + frame)
            out.flush()
            signal.alarm(0)
    finally:
        if events:
            events.close()


if "COUNT" not in globals():
    COUNT, INTERVAL = int(sys.argv[1]) if sys.argv[1:] else 1, float(sys.argv[2]) if sys.argv[2:] else 1.0
    EVENTS, FILTER = (), b""
try:
    main(COUNT, INTERVAL)
except (BrokenPipeError, KeyboardInterrupt):
    pass
except OSError as error:
    sys.stderr.write("tcptriage: " + str(error) + "\n")
    sys.exit(1)
