from __future__ import annotations

from capture.verdicts.events.history_facts import HistoryFacts
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

HELLO = "cS sSA cA"


def history(text: str) -> HistoryFacts:
    return judge(flow_table(text)).template(0).history


def test_who_closed_first_is_in_the_ack_numbers() -> None:
    assert history(f"{HELLO} cPA20 sA cFA sFA cA").first_closer == 0
    assert history(f"{HELLO} cPA20 sA sFA cFA sA").first_closer == 1
    assert history(f"{HELLO} cPA20 sA sFA cFA~ cA sA").first_closer == 2
    # captured the other way round: the client's FIN acknowledges the server's, which is seen after it
    assert history(f"{HELLO} cPA20 sA cA").first_closer is None


def test_a_request_waits_until_data_answers_it() -> None:
    waiting = history(f"{HELLO} cPA20 sA")
    assert waiting.waiting(0, len(waiting.events)) is not None
    answered = history(f"{HELLO} cPA20 sPA5 cA")
    assert answered.waiting(0, len(answered.events)) is None
    assert answered.served(1, len(answered.events)) is not None


def test_silence_needs_repeats_to_the_end() -> None:
    silent = history(f"{HELLO} cPA20 sA cPA20 <1>cPA20* <1>cPA20* <1>cPA20*").silence
    assert silent is not None
    assert silent[0] == 0
    assert history(f"{HELLO} cPA20 sA cPA20 <1>cPA20* <1>cPA20* <1>cPA20* sA").silence is None
    # the peer's late FIN ends nothing: the silent side is gone
    assert history(f"{HELLO} cPA20 sA cPA20~ <1>cPA20* <1>cPA20* <1>cPA20*").silence is not None


def test_a_closed_window_stays_closed_until_it_opens() -> None:
    closed = history(f"{HELLO} cA1448 sAz <1>cAk sAz <1>cAk sAz")
    assert len(closed.stalled(1, len(closed.events))) >= 3
    opened = history(f"{HELLO} cA1448 sAz <1>cAk sAz <1>cAk sA cPA20 sA")
    assert opened.stalled(1, len(opened.events)) == []


def test_the_reset_that_took_effect() -> None:
    fits = history(f"{HELLO} cPA20 sA sPA9 cA sFA cPA9~ sR! sR")
    assert fits.reset is not None
    assert fits.reset == len(fits.events) - 1
    after_both = history(f"{HELLO} cPA20 sA cFA sFA cA sR")
    assert after_both.reset is None
    ignored = history(f"{HELLO} cPA20 sA sPA9 cA sRA!^200 cA cPA11 sPA10 cA cFA sFA cA")
    assert ignored.reset is None
    assert ignored.ignored_resets


def test_data_on_its_way_is_no_sign_of_life() -> None:
    # the RST took effect: what its receiver had sent before is seen after it, and the real sender meets a RST
    assert history(f"{HELLO} cPA20 sA sPA9 cA sR cPA11~ <1>sPA10 cR").reset is not None
    assert history(f"{HELLO} cPA20 sA sPA9 cA sR cPA11~ <1>sPA10 cPA5").reset is None


def test_a_syn_ack_after_data_is_a_second_one() -> None:
    assert history("cPA5 <0.3>cPA5* <0.3>sSA* cA <1>cPA5* sA sPA2 cFA sFA cA").accepted_again


def test_each_syn_is_answered_once() -> None:
    # the answer to the second SYN comes after the handshake's last ACK: the first one's was lost on the way
    assert not history("cS <1>cS* sSA cA cPA5 sSA* cA sA sPA2 cA cFA sFA cA").accepted_again
    assert history("cS <1>cS* sSA cA cPA5 sSA* cA <1>sSA* cA sA sPA2 cA cFA sFA cA").accepted_again


def test_icmp_counts_only_while_nothing_answers() -> None:
    assert history("cS i3.1").icmp
    assert not history("cS i3.1 <1>cS* sSA cA cPA20 sA").icmp


def test_an_ack_of_an_older_connection_says_nothing_of_this_one() -> None:
    # the 4-tuple was in TIME-WAIT: the first ACK is the old connection's, far ahead of what the new one sends
    assert history("cS sAo cR cS* sSA cA cPA20 sA sPA3 cA sFA cFA sA").first_closer == 1
