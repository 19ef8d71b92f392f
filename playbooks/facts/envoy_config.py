"""Envoy's waits in a static configuration (YAML or JSON): routes' time-outs, clusters' connect and idle time-outs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbooks.facts.config_facts import ProxyWait

ROUTE_S, CONNECT_S, IDLE_S = 15.0, 5.0, 3600.0
"""What Envoy does where nothing is set (its documentation of route, cluster and HttpProtocolOptions)."""
MOST_DEPTH = 60
_TIME = re.compile(r"(\d+(?:\.\d+)?)s")


def envoy_waits(path: str) -> tuple[list[ProxyWait], list[str]]:
    """(waits that apply, one for each route and cluster; nothing is ever missing). Raises OSError, ValueError."""
    import yaml

    with open(path, encoding="utf-8", errors="replace") as file:
        try:
            root = yaml.compose(file, Loader=yaml.SafeLoader)  # nodes keep their lines; aliases are not multiplied
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(str(error).replace("\n", " ")) from None
    waits: list[ProxyWait] = []
    for node in _mappings(root, 0, set()):
        keys = {key.value: value for key, value in node.value if hasattr(key, "value")}
        if "cluster" in keys and "match" not in keys and _is_text(keys["cluster"]):
            place = f"route to {keys['cluster'].value}"
            waits.append(_wait("server", keys.get("timeout"), "timeout 15s", ROUTE_S, path, place))
        if "name" in keys and ("load_assignment" in keys or "connect_timeout" in keys):
            place = f"cluster {keys['name'].value}"
            waits.append(_wait("connect", keys.get("connect_timeout"), "connect_timeout 5s", CONNECT_S, path, place))
            waits.append(_wait("idle", _within(node, "idle_timeout", 0), "idle_timeout 3600s", IDLE_S, path, place))
    return waits, []


def seconds(text: str) -> float | None:
    """A protobuf duration: 0.25s; None of what is none. 0s is no limit."""
    found = _TIME.fullmatch(text)
    return float(found[1]) or None if found else None


def _wait(kind: str, value: Any, usual: str, default: float, path: str, place: str) -> ProxyWait:
    if value is None or not _is_text(value):
        return ProxyWait(kind, default, usual, "", 0, place)
    name = usual.split()[0]
    return ProxyWait(kind, seconds(value.value), f"{name} {value.value}", path, value.start_mark.line + 1, place)


def _is_text(node: Any) -> bool:
    return isinstance(getattr(node, "value", None), str)


def _mappings(node: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """All mappings of a document, each once."""
    if node is None or depth > MOST_DEPTH or id(node) in seen or _is_text(node):
        return
    seen.add(id(node))
    if getattr(node, "id", "") == "mapping":
        yield node
        for _, value in node.value:
            yield from _mappings(value, depth + 1, seen)
    else:
        for value in node.value:
            yield from _mappings(value, depth + 1, seen)


def _within(node: Any, name: str, depth: int) -> Any:
    """The first value of a name within a mapping."""
    for one in _mappings(node, depth, set()):
        for key, value in one.value:
            if key.value == name:
                return value
    return None
