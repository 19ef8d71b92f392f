"""Rules that drop or reject, from what nft and iptables print."""

from __future__ import annotations

from playbooks.facts.firewall import parse_ruleset, parse_saved

NFT = """\
table inet f { # handle 1
\tchain i { # handle 1
\t\ttype filter hook input priority filter; policy drop;
\t\ttcp dport { 80, 8206 } counter packets 4 bytes 500 drop # handle 7
\t\ttcp dport 22 accept # handle 8
\t}
}
"""
SAVED = """\
*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
[3:180] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[9:540] -A INPUT -s 10.0.0.5/32 -p tcp -m tcp --dport 82 -j REJECT --reject-with tcp-reset
COMMIT
"""


def test_nft_rules_come_with_the_commands_that_take_them_out_and_put_them_back() -> None:
    policy, rule = parse_ruleset(NFT)
    assert (policy.chain, policy.handle, policy.verdict) == ("i", 0, "drop")
    assert rule.packets == 4
    assert rule.delete == "nft delete rule inet f i handle 7"
    assert rule.restore == "nft add rule inet f i 'tcp dport { 80, 8206 } counter packets 4 bytes 500 drop'"


def test_rules_of_iptables_legacy_keep_their_place_in_the_chain() -> None:
    policy, rule = parse_saved(SAVED, "ip6")
    assert (policy.table, policy.chain, policy.handle) == ("ip6 filter", "INPUT", 0)
    assert (rule.verdict, rule.packets) == ("reject", 9)
    spec = "-s 10.0.0.5/32 -p tcp -m tcp --dport 82 -j REJECT --reject-with tcp-reset"
    assert rule.delete == f"ip6tables-legacy -t filter -D INPUT {spec}"
    assert rule.restore == f"ip6tables-legacy -t filter -I INPUT 2 {spec}"
    assert parse_saved("") == ()


HIDDEN = """\
table inet t { # handle 1
\tmap m { # handle 2
\t\ttype inet_service : verdict
\t\telements = { 80 : accept, 81 : accept,
\t\t\t     8085 : drop }
\t}

\tchain o { # handle 3
\t\ttype route hook output priority mangle; policy drop;
\t}

\tchain i { # handle 4
\t\ttype filter hook input priority filter; policy accept;
\t\ttcp dport vmap @m # handle 5
\t\ttcp dport 8086 queue to 3 # handle 6
\t\ttcp dport 22 accept comment "never drop, never reject" # handle 7
\t}
}
"""


def test_what_drops_by_another_word_is_found_and_no_command_is_made_up_for_it() -> None:
    element, policy, queue = parse_ruleset(HIDDEN)
    assert (element.chain, element.text, element.delete) == ("map m", "8085 : drop }", "")
    assert (policy.chain, policy.text, policy.verdict) == ("o", "policy drop", "drop")
    assert (queue.chain, queue.verdict, queue.delete) == ("i", "drop", "nft delete rule inet t i handle 6")
    (old,) = parse_saved("*filter\n[9:540] -A INPUT -p tcp --dport 82 -j NFQUEUE --queue-num 3\nCOMMIT\n")
    assert old.verdict == "drop"
