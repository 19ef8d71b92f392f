"""Whose fix is to be shown: the words for a process's language and server, or for the programs that wrote a log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from playbooks.facts.facts import Facts
from playbooks.facts.identity import LANGUAGES, LIBRARIES, words_of_name
from playbooks.facts.log_facts import LogGroup
from playbooks.facts.socket_facts import Holder

_AGENTS = re.compile(
    r'"(?:(?P<curl>curl/|wget/|git/)|(?P<go>go-http-client/|grpc-go/)|(?P<python>python[-/])'
    r"|(?P<java>java[-/]|okhttp/|apache-httpclient/|jersey/|reactornetty/)|(?P<node>axios/|node|undici|got )"
    r"|(?P<ruby>ruby|faraday)|(?P<php>guzzlehttp/|php/)|(?P<rust>reqwest/|hyper/))",
    re.IGNORECASE,
)
"""Programs by what they call themselves in User-Agent, as access logs quote it. Browsers are none: theirs is fixed."""


def agents(lines: Iterable[str]) -> tuple[str, ...]:
    """The programs that asked, by these lines of an access log, the commonest first; empty where they do not tell."""
    found = (match.lastgroup for line in lines if (match := _AGENTS.search(line)) is not None)
    counts = Counter(name for name in found if name is not None)
    return tuple(name for name, _ in counts.most_common())


def identity_of(facts: Facts, holder: Holder | None) -> tuple[str, ...]:
    """Words for a process: what was read of it, else what its name tells; none for nobody."""
    if holder is None:
        return ()
    rows = facts.processes.rows if facts.processes is not None else ()
    found = next((row.identity for row in rows if row.pid == holder.pid), ())
    return found or words_of_name(holder.name)


SELDOM = 0.25
"""Of the lines of the commonest: who wrote fewer is not who this is about."""


def writers(groups: Iterable[LogGroup]) -> tuple[str, ...]:
    """The programs that these lines tell of, libraries first, then stores and servers, then the languages of their
    clients (a driver's error tells more than the runtime's below it), the commonest first; empty where the lines do not
    tell."""
    counts: Counter[str] = Counter()
    for group in groups:
        counts.update(group.sources)
    most = max(counts.values(), default=0)
    common = (source for source, count in counts.most_common() if count >= SELDOM * most)
    return tuple(sorted(common, key=lambda source: (source not in LIBRARIES) + (source in LANGUAGES)))


CLIENTS = LANGUAGES | {"nginx", "haproxy", "envoy", "apache", "caddy", "traefik", "varnish", "ssh", "curl", "wget"}
"""Who writes of a server of whatever kind: proxies, tools, and programs of which only the language is known."""


SOMEWHERE = ("balancer", "kubernetes")
"""Words for a server that is not seen here: what usually stands before one elsewhere."""


def servers(groups: Iterable[LogGroup]) -> tuple[str, ...]:
    """The servers that these lines are about: a driver's lines name its store. SOMEWHERE where only the client is
    known."""
    return tuple(word for word in writers(groups) if word not in CLIENTS) or SOMEWHERE


SERVERS_IDLE = (
    *("idle-gunicorn", "idle-uvicorn", "idle-uwsgi", "idle-node-http-server", "idle-go-server", "idle-tomcat"),
    *("idle-jetty", "idle-ruby", "idle-dotnet", "idle-haproxy-clients", "idle-apache-clients"),
)
"""Cures of a server that closes idle connections before its proxy does; those of the topic are of clients, too."""
