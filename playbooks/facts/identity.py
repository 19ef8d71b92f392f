"""What a process is: its language and its server, by its name, its command line and what its binary tells of itself."""

from __future__ import annotations

import mmap
import os
import re
from functools import lru_cache

LANGUAGES = frozenset(("go", "java", "python", "node", "php", "ruby", "rust", "dotnet", "perl"))
LIBRARIES = frozenset(("gin", "sarama", "librdkafka"))
_LIBRARY = re.compile(
    r"(?P<gin>^error #\d\d: |\[gin\]|gin-gonic|\[recovery\] \d{4}/)|\b(?P<sarama>sarama)\b"
    r"|\b(?P<librdkafka>(lib)?rdkafka|confluent.kafka)", re.IGNORECASE)  # fmt: skip
_BY_PORT = {
    22: "ssh", 2181: "zookeeper", 3306: "mysql", 5432: "postgres", 5672: "rabbitmq", 6379: "redis", 6432: "pgbouncer",
    9092: "kafka", 9200: "elasticsearch", 11211: "memcached", 27017: "mongodb",
}  # fmt: skip
"""Ports that nearly nobody gives to another server."""
_BY_NAME: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"nginx(-ingress)?|openresty", ("nginx",)),
    (r"haproxy", ("haproxy",)),
    (r"envoy|pilot-agent", ("envoy",)),
    (r"apache2|httpd|httpd-prefork", ("apache",)),
    (r"caddy", ("caddy", "go")),
    (r"traefik", ("traefik", "go")),
    (r"postgres|postmaster", ("postgres",)),
    (r"pgbouncer", ("pgbouncer",)),
    (r"mysqld|mariadbd", ("mysql",)),
    (r"redis-server|valkey-server", ("redis",)),
    (r"mongod|mongos", ("mongodb",)),
    (r"sshd(-session)?", ("ssh",)),
    (r"memcached", ("memcached",)),
    (r"php-fpm[\d.]*", ("php", "php-fpm")),
    (r"php[\d.]*", ("php",)),
    (r"puma|unicorn|rails", ("ruby",)),
    (r"ruby[\d.]*", ("ruby",)),
    (r"(node|nodejs|npm|yarn|bun|deno)", ("node",)),
    (r"(python|pypy)[\d.]*", ("python",)),
    (r"uwsgi[-\w]*", ("python", "uwsgi")),
    (r"gunicorn", ("python", "gunicorn")),
    (r"uvicorn", ("python", "uvicorn")),
    (r"celery", ("python",)),
    (r"java|jsvc", ("java",)),
    (r"dotnet", ("dotnet",)),
    (r"perl[\d.]*", ("perl",)),
)
_BY_COMMAND: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("python", r"\bgunicorn\b", ("gunicorn",)),
    ("python", r"\buvicorn\b", ("uvicorn",)),
    ("python", r"\bhypercorn\b", ("uvicorn",)),
    ("python", r"\buwsgi\b", ("uwsgi",)),
    ("ruby", r"\bpuma\b", ("puma",)),
    ("ruby", r"\bunicorn\b", ("unicorn",)),
    ("java", r"kafka\.Kafka\b", ("kafka",)),
    ("java", r"org\.apache\.catalina|\btomcat", ("tomcat",)),
    ("java", r"org\.eclipse\.jetty|\bjetty", ("jetty",)),
    ("java", r"\b(elasticsearch|opensearch)\b", ("elasticsearch",)),
    ("java", r"QuorumPeerMain", ("zookeeper",)),
    ("beam", r"\brabbit", ("rabbitmq",)),
)
_GO_NOTE = re.compile(rb"\x04\x00\x00\x00.{3}\x00\x04\x00\x00\x00Go\x00\x00", re.DOTALL)
_GO_INFO = b"\xff Go buildinf:"
_MODULES = (
    (b"github.com/gin-gonic/gin", "gin"),
    (b"/sarama", "sarama"),
    (b"confluent-kafka-go", "librdkafka"),
    (b"google.golang.org/grpc", "grpc"),
    (b"github.com/lib/pq", "database-sql"),
    (b"github.com/jackc/pgx", "database-sql"),
    (b"github.com/go-sql-driver/mysql", "database-sql"),
)
_CONTAINER = re.compile(
    r"(?:/|-)(?P<id>[0-9a-f]{12})[0-9a-f]{52}(?:\.scope)?/?$|/kubepods|/(?P<lxc>lxc|machine)[/.]", re.M
)
LARGEST_BINARY = 256 << 20
HEAD = 16_384
"""Bytes at a binary's beginning that hold its notes."""


def identity(pid: int, name: str, command: str, root: str = "/proc", *, deep: bool = True) -> tuple[str, ...]:
    """Words for a process's language and server, the widest first ("python", "gunicorn"); empty where nothing tells.
    `deep`: a binary that no name tells is read for its compiler's marks (a tenth of a second for a hundred MB)."""
    binary = _binary(pid, root)
    names = [os.path.basename(binary.removesuffix(" (deleted)")), name, os.path.basename(command.split(" ")[0])]
    found: list[str] = []
    for one in names:
        found += words_of_name(one)
        if found:
            break
    if name.startswith("beam") or os.path.basename(binary).startswith("beam"):
        found.append("beam")
    for tongue, pattern, words in _BY_COMMAND:
        if tongue in found and re.search(pattern, command):
            found += words
    if deep and not found and binary:
        found += _version_strings(f"{root}/{pid}/exe", binary)
    return tuple(dict.fromkeys(word for word in found if word != "beam"))


def words_of_name(name: str) -> tuple[str, ...]:
    """What a process's name alone tells; empty where it is a program's own."""
    return next((words for pattern, words in _BY_NAME if re.fullmatch(pattern, name.rstrip(":"))), ())


def _binary(pid: int, root: str) -> str:
    try:
        return os.readlink(f"{root}/{pid}/exe")
    except OSError:
        return ""


@lru_cache(maxsize=256)
def _version_strings(path: str, binary: str) -> tuple[str, ...]:
    """What a compiled program tells: Go's and Rust's compilers leave their name in it, Go also what it was made of."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
            if not head.startswith(b"\x7fELF") or os.fstat(file.fileno()).st_size > LARGEST_BINARY:
                return ()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                if _GO_NOTE.search(head) or whole.find(_GO_INFO) >= 0:
                    return ("go", *_modules(whole))
                if whole.find(b"/rustc/") >= 0:
                    return ("rust",)
                if whole.find(b"DOTNET_ROOT") >= 0:
                    return ("dotnet",)
    except (OSError, ValueError):
        return ()
    return ()


def _modules(whole: mmap.mmap) -> list[str]:
    """The libraries in a Go program that matter here: its table of functions names their packages."""
    return list(dict.fromkeys(word for needle, word in _MODULES if whole.find(needle) >= 0))


def container(pid: int, root: str = "/proc") -> str:
    """The container that a process is in, as its cgroup tells ("docker 3f2a…", "kubernetes"); empty for none."""
    try:
        with open(f"{root}/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            text = file.read(8192)
    except OSError:
        return ""
    found = _CONTAINER.search(text)
    if found is None:
        return ""
    kind = "kubernetes" if "kubepods" in text else "podman" if "libpod" in text else found["lxc"] or "docker"
    return f"{kind} {found['id'] or ''}".strip()


def words_of_line(text: str, port: int | None) -> tuple[str, ...]:
    """What a line of a log tells beside its source: the library that wrote it, the store that listens on the peer's
    port."""
    found = _LIBRARY.search(text)
    library = next((name for name, text in found.groupdict().items() if text), None) if found is not None else None
    return (*(() if library is None else (library,)), *((_BY_PORT[port],) if port in _BY_PORT else ()))
