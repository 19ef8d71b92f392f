"""Where nginx passes requests on: the servers of its upstream blocks and of proxy_pass."""

from __future__ import annotations

import re

from playbooks.facts.model import Nginx

_PASS = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[^/:$]+)(?::(\d+))?(?:/|$)")
_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:]+)(?::(\d+))?$")


def upstream_servers(nginx: Nginx) -> list[tuple[str, int]]:
    """(host, port) of each TCP upstream, without variables, unix sockets and names of upstream blocks."""
    found: dict[tuple[str, int], None] = {}
    for server in nginx.servers:
        blocks = {one.args[0] for one in server.directives if one.name == "upstream" and one.args}
        for one in server.directives:
            match = None
            if one.name == "server" and one.context and one.context[-1].startswith("upstream ") and one.args:
                match = _SERVER.match(one.args[0])
            elif one.name == "proxy_pass" and one.args:
                match = _PASS.match(one.args[0])
            if match and match[1] not in blocks and not match[1].startswith(("unix", "$")):
                found[match[1].strip("[]"), int(match[2] or 80)] = None
    return list(found)
