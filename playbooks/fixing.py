"""From a template to a fix for this host: parameters filled in, commands to paste, and why it may not work here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from capture.safe_text import printable
from playbooks.checks.looked import Offer
from playbooks.evidence_words import say
from playbooks.facts.facts import Ability
from playbooks.facts.identity import LANGUAGES
from playbooks.loader import FILLED, PLACEHOLDER
from playbooks.masking import mask
from playbooks.model import Fix, FixTemplate

TOPIC = "topic:"
_CAP_NET_ADMIN, _CAP_SYS_RESOURCE = 12, 24


def fill(
    template: FixTemplate, parameters: Mapping[str, str], root: bool = False, ability: Ability | None = None
) -> Fix:
    """A fix with its {{parameters}}: those of the check, else the defaults. What comes from this machine is made
    printable first, so that nothing hostile reaches a snippet that a person pastes. {{sudo}} is empty for root;
    {{write}} is the command that puts the snippet into the target file, whose folder it makes; {{edit}} and {{unedit}}
    change nginx's configuration, in an editor where no check computed how."""
    values = dict(template.defaults) | {name: _one_line(value) for name, value in parameters.items()}
    sudo = "" if root else "sudo "
    config = shlex.quote(values.get("config") or "/etc/nginx/nginx.conf")
    by_hand = f"{sudo}${{EDITOR:-vi}} {config}"
    values = {"edit": by_hand, "unedit": by_hand} | values
    values = {name: value.replace("{{sudo}}", sudo) for name, value in values.items()} | {"sudo": sudo}

    def put(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)

    values["target"] = values.get("config_file") or put(template.target)
    values["write"] = _write_command(put(template.snippet), values["target"], sudo)
    texts = {key: put(getattr(template, key)).strip("\n") for key in FILLED}
    if "config_file" in values:
        texts["target"] = values["target"]
    if any(name not in parameters for name in PLACEHOLDER.findall(template.current)):
        texts["current"] = say("not_looked_at")  # a default is an example, and no value of this machine
    if "now" in parameters and template.sets:
        texts["current"] = values["now"]
    if "config_edit" in parameters and "service" in template.defaults:
        restart = put("{{sudo}}systemctl restart {{service}}")
        texts |= {
            "apply": f"{values['config_edit']} && {restart}",
            "undo": f"{values['config_unedit']} && {restart}",
        }
    made = Fix(
        id=template.id, risk=template.risk, lasts=template.lasts, language=template.language, who=template.who, **texts
    )
    return made if ability is None else _with_refusal(made, root, ability)


def _one_line(value: str) -> str:
    return "\n".join(printable(line) for line in mask(value).split("\n"))


def _write_command(snippet: str, target: str, sudo: str) -> str:
    if not target.startswith("/"):
        return ""
    lines = [line for line in snippet.strip("\n").split("\n") if line.strip()]
    folder, file = str(PurePosixPath(target).parent), shlex.quote(target)
    text = " ".join(shlex.quote(line) for line in lines)
    return f"{sudo}mkdir -p {shlex.quote(folder)} && printf '%s\\n' {text} | {sudo}tee {file} >/dev/null"


def chosen(templates: Iterable[FixTemplate], offers: Iterable[Offer]) -> tuple[dict[str, Offer], dict[str, Offer]]:
    """(offers by fix for the programs that are known or for any, those for other programs). An offer of topic:NAME is
    one of each fix of that topic. The first offer of a fix counts."""
    known = list(templates)
    mine: dict[str, Offer] = {}
    others: dict[str, Offer] = {}
    for one in offers:
        topic = one.fix.removeprefix(TOPIC) if one.fix.startswith(TOPIC) else None
        wanted = [each for each in known if (each.topic == topic if topic is not None else each.id == one.fix)]
        fitting = _narrowed([each for each in wanted if _fits(each, one)], one)
        for each in _closest(wanted, one.identity):
            (mine if each in fitting else others).setdefault(each.id, one)
    for general in [name for one in known if one.id in mine for name in one.instead_of if name in mine]:
        others[general] = mine.pop(general)
    return mine, {name: one for name, one in others.items() if name not in mine}


def _fits(template: FixTemplate, offer: Offer) -> bool:
    """Whether a fix is for the program that was found. Of a process its server and libraries are known: only a fix that
    is mainly for one of them fits. Where nothing is known, one fix of each language would be too many."""
    if not template.who:
        return True
    if not offer.identity:
        return not template.topic
    if offer.process:
        return template.who[0] in offer.identity
    tongues, spoken = LANGUAGES.intersection(template.who), LANGUAGES.intersection(offer.identity)
    if tongues and spoken and tongues.isdisjoint(spoken):
        return False
    return not set(template.who).isdisjoint(offer.identity)


def _narrowed(fitting: list[FixTemplate], offer: Offer) -> list[FixTemplate]:
    """Of fixes for the writer of a log, where its store or library is known: not those for its language alone."""
    if offer.process:
        return fitting
    narrow = set(offer.identity) - LANGUAGES
    close = [one for one in fitting if not narrow.isdisjoint(one.who)]
    return [one for one in fitting if one in close or not one.who] if close else fitting


def _closest(templates: list[FixTemplate], identity: tuple[str, ...]) -> list[FixTemplate]:
    """Those for the narrowest known word first (gunicorn before python), then those for any program."""

    def distance(template: FixTemplate) -> int:
        if not template.who or template.who[0] not in identity:
            return 1
        return -identity.index(template.who[0])

    return sorted(templates, key=distance) if identity else templates


def _with_refusal(fix: Fix, root: bool, ability: Ability) -> Fix:
    import msgspec

    why = refusal(fix.apply, root, ability)
    return msgspec.structs.replace(fix, refused=why) if why else fix


def refusal(command: str, root: bool, ability: Ability) -> str:
    """Why a command cannot work on this host; empty where nothing is known against it. Whoever is not root may become
    it: then only what root lacks here, too, is said."""
    words = set(re.findall(r"[\w./-]+", re.sub(r"(^|\s)#.*", "", command)))
    for tool in ("systemctl", "ss", "nft", "prlimit", "sysctl", "ip", "tc", "conntrack", "iptables"):
        if tool in words and tool not in ability.tools:
            return say("refused_tool", tool=tool)
    if "systemctl" in words and not ability.systemd:
        return say("refused_systemd")
    if "sysctl" in words and ability.sysctl_read_only:
        return say("refused_sysctl")
    lacks = ability.capabilities
    if root and lacks is not None:
        net = bool(words & {"nft", "tc", "conntrack", "iptables"}) or ("ss" in words and "-K" in words)
        if net and not lacks >> _CAP_NET_ADMIN & 1:
            return say("refused_capability", name="CAP_NET_ADMIN")
    return ""
