"""Both sides of each threshold: cause, certainty, and whether it is waved away.

A packet comes 1 ms after the one before it, and `<0.199>` later than that: 0.2 s after it.
"""

from __future__ import annotations

import pytest

from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table

HELLO = "cS sSA cA cPA20 sA"
SERVED = f"{HELLO} sPA50 cA"
BIG_FIRST = "cS sSA cA cPA200 sA sPA50 cA cPA100 sA sPA50 cA"
CERTAIN, LIKELY, POSSIBLE = "certain", "likely", "possible"
TLS = "cS sSA cA cPA517h sPA1200h cPA80h cPA96d sA"
UPLOAD = "cS sSA cA cPA{} sA"
IGNORED = "cS sSA cA cPA20 <0.2>cPA20* <0.4>cPA20*"
ON = "cS sSA cA <5>cPA9 sA"  # another connection, so that the capture goes on

TABLE = [
    # PAUSE, 0.2 s: a client that closes with its request open, and nothing comes
    (f"{HELLO} <0.198>cFA sFA cA", "normal_close", LIKELY, True),
    (f"{HELLO} <0.199>cFA sFA cA", "client_gave_up", LIKELY, False),
    (f"{HELLO} cFA sA <0.198>sFA cA", "normal_close", LIKELY, True),
    (f"{HELLO} <0.005>cFA sA <0.199>sFA cA", "client_gave_up", LIKELY, False),
    # … but not of one that left within 5 ms of its last words, or with them: what it sent needs no answer
    (f"{HELLO} <0.002>cFA sA <0.199>sFA cA", "normal_close", LIKELY, True),
    ("cS sSA cA cFPA20 sA <0.199>sFA cA", "normal_close", LIKELY, True),
    # a greeting is little: who pushed more than an initial window was reading to somebody
    ("cS sSA cA sPA9000 cA cRAt", "connect_cancelled", LIKELY, True),
    ("cS sSA cA sPA9000 cA sPA9000 cA cRAt", "aborted", LIKELY, False),
    ("cS sSA cA cFA sPA9000 sPA9000 cR", "write_after_peer_close", LIKELY, False),
    # what a side acknowledged after its own FIN, and reset unread, was no last remark
    (f"{SERVED} cFA sPA50 cA cRAt", "write_after_peer_close", LIKELY, False),
    (f"{SERVED} cFA sPA24g cA cRAt", "write_after_peer_close", LIKELY, True),
    # … but not where it took what the server still said: it had closed its sending half only
    (f"{HELLO} cFA sA sPA50 cA <0.199>sFA cA", "half_close", CERTAIN, True),
    (f"{HELLO} <0.198>cFA sA sPA50 cA sFA cA", "half_close", CERTAIN, True),
    (f"{HELLO} <0.199>cFA sA sPA50 cA sFA cA", "half_close", LIKELY, True),  # it may have given up, and read on
    (f"{HELLO} cFA sA sPA50 cA <0.199>sFPA50 cA", "half_close", CERTAIN, True),
    (f"{HELLO} cFA sA <0.199>sFPA50 cA", "half_close", CERTAIN, True),
    # a SYN,ACK again after the third packet, and data repeated: the accept queue; after an answer it is a late copy
    ("cS sSA cA cPA20 <0.3>cPA20* <1>sSA* cA sA sPA50 cA cFA sFA cA", "accept_queue_overflow", LIKELY, False),
    (f"{SERVED} <1>cPA9 <0.3>cPA9* sSA* cA sSA* cA sA sPA50 cA cFA sFA cA", "normal_close", CERTAIN, True),
    # a late copy after the end meets RSTs: nothing ignored them
    (f"{SERVED} cFA sFA cA <1>cFA* sR sFA* cR", "normal_close", CERTAIN, True),
    # … however short, where an answer comes that meets a RST
    (f"{HELLO} cFA sPA5 cR", "client_gave_up", LIKELY, False),
    (f"{HELLO} cFA sPA24g cR", "client_gave_up", LIKELY, False),
    (f"{SERVED} cFA sPA24g cR", "write_after_peer_close", LIKELY, True),
    (f"{SERVED} cFA sPA24 cR", "write_after_peer_close", LIKELY, False),
    # … after an answer
    (f"{SERVED} <0.198>cFA sFA cA", "normal_close", CERTAIN, True),
    (f"{SERVED} <0.199>cFA sFA cA", "normal_close", LIKELY, True),
    # … of a server that closed and then met a request
    (f"{SERVED} <0.198>sFA cA cPA20 sR", "write_after_peer_close", LIKELY, False),
    (f"{SERVED} <0.199>sFA cA cPA20 sR", "stale_keepalive", LIKELY, False),
    (f"{SERVED} <0.199>sPA24g sFA cA cPA20 sR", "stale_keepalive", LIKELY, False),
    (f"{SERVED} <0.199>sPA24g sFA cA cPA24g sR", "write_after_peer_close", LIKELY, True),
    (f"{SERVED} <0.199>sFA cA cPA24g sR", "normal_close", LIKELY, False),  # it did not say goodbye
    (f"{SERVED} <0.198>sPA24g sFA cA cPA20 sR", "write_after_peer_close", LIKELY, False),
    (f"{SERVED} <0.199>sFA cA cPA9 sR", "write_after_peer_close", LIKELY, False),  # less than half a request
    (f"{SERVED} <0.199>sFA cA cPA10 sR", "stale_keepalive", LIKELY, False),
    (f"{SERVED} <0.199>sFA cA cPA9d sR", "stale_keepalive", LIKELY, False),
    # … as large as half of the request before it, where that says what a request is: of what was captured, its first
    (f"{BIG_FIRST} <0.199>sFA cA cPA80 sR", "write_after_peer_close", LIKELY, False),
    (f"{BIG_FIRST} <0.199>sFA cA cPA80? sR", "stale_keepalive", LIKELY, False),
    (f"{BIG_FIRST} <0.199>sFA cA cPA100 sR", "stale_keepalive", LIKELY, False),
    # IDLE, 2 s: a reset that drops an idle connection, or one in use
    (f"{SERVED} <1.998>cRAt", "aborted", LIKELY, False),
    (f"{SERVED} <1.999>cRAt", "aborted", LIKELY, True),
    (f"{SERVED} sPA1448 cAz <1.999>cRAt", "aborted", LIKELY, False),  # the window is closed: it left data unread
    (f"{SERVED} <1.998>cPA20 sA sRAt", "aborted", LIKELY, False),
    (f"{SERVED} <1.999>cPA20 sA sRAt", "stale_keepalive", LIKELY, False),
    (f"{SERVED} <1.999>cPA20 sA <0.198>sRAt", "stale_keepalive", LIKELY, False),
    (f"{SERVED} <1.999>cPA20 sA <0.199>sRAt", "aborted", LIKELY, False),
    (f"{SERVED} <1.998>sR", "no_socket", POSSIBLE, False),
    (f"{SERVED} <1.999>sR", "idle_drop", POSSIBLE, False),
    (f"{SERVED} cFA sA <1.998>sFA cR", "normal_close", LIKELY, True),
    (f"{SERVED} cFA sA <1.999>sFA cR", "late_close", LIKELY, False),
    ("cS sSA cA <1.998>cRAt", "connect_cancelled", LIKELY, True),
    ("cS sSA cA <1.999>cRAt", "connect_cancelled", POSSIBLE, False),
    # a RST after the server's FIN: the client had nothing more to say, a goodbye, or a request that crossed the FIN
    (f"{SERVED} sFA cA cRAt", "aborted", LIKELY, True),
    (f"{SERVED} sFA cPA24g cRAt", "aborted", LIKELY, True),
    (f"{SERVED} sFA cPA20 cRAt", "aborted", LIKELY, False),
    # an HTTP answer whose header says where it ends: all of it, or not
    (f"{HELLO} sPA50 cA sFA cFA sA", "normal_close", LIKELY, True),
    (f"{HELLO} sPA50e cA sFA cFA sA", "normal_close", CERTAIN, True),
    (f"{HELLO} sPA50c cA sFA cFA sA", "aborted", LIKELY, False),
    (f"{HELLO} sPA50c cA sPA50 sFA cFA sA", "normal_close", CERTAIN, True),
    (f"{HELLO} sPA50c cA cFA sFA cA", "client_gave_up", LIKELY, False),
    (f"{HELLO} sPA50e cA <0.199>cFA sFA cA", "normal_close", CERTAIN, True),
    (f"{HELLO} sPA50 cA cRAt", "aborted", LIKELY, False),
    (f"{HELLO} sPA50c cA cRAt", "client_gave_up", LIKELY, False),
    (f"{HELLO} sPA50e cA cRAt", "aborted", LIKELY, False),
    # both had said goodbye when the server reset
    (f"{HELLO} sPA50 sPA24g cPA24g cFA sRAt", "aborted", LIKELY, True),
    # LONG_IDLE, 30 s: no NAT forgets sooner
    (f"{SERVED} <29.998>cPA20 <1>cPA20* <1>cPA20* <1>cPA20*", "silent_drop", LIKELY, False),
    (f"{SERVED} <29.999>cPA20 <1>cPA20* <1>cPA20* <1>cPA20*", "idle_drop", LIKELY, False),
    (f"{SERVED} <29.998>sR", "idle_drop", POSSIBLE, False),
    (f"{SERVED} <29.999>sR", "idle_drop", LIKELY, False),
    # ENOUGH_REPEATS, 3; two where the capture went on for a second
    (f"{SERVED} cPA20 <0.2>cPA20* <0.2>cPA20* <0.2>cPA20*", "silent_drop", LIKELY, False),
    (f"{SERVED} cPA20 <0.2>cPA20* <0.2>cPA20*", "silent_drop", LIKELY, False),  # the capture's last packet
    (f"{SERVED} cPA20 <0.2>cPA20*", "still_open", LIKELY, True),
    # repetitions that acknowledge nothing new are no life
    (f"{HELLO} sPA50 cPA20*~ <0.2>sPA50* cPA20*~ <0.2>sPA50* cPA20*~ <0.2>sPA50*", "silent_drop", LIKELY, False),
    # two repetitions of the first data where nobody else was captured at the listener: a path may lose that, too
    ("cS sSA cA cPA20 <0.2>cPA20* sA sPA9 cA cFA sFA cA", "normal_close", CERTAIN, True),
    (f"{IGNORED} sA sPA9 cA cFA sFA cA", "normal_close", LIKELY, True),
    (f"{IGNORED} sA sPA9 cA cFA sPA24g cR", "write_after_peer_close", LIKELY, True),
    ("cPA20 <0.2>cPA20* <0.4>cPA20* sA sPA9 cA cFA sFA cA", "normal_close", LIKELY, True),
    ("cS sSA cA <1>sSA* cA cPA20 sA sPA9 cA cFA sFA cA", "normal_close", CERTAIN, True),
    ("cS sSA cA <1>sSA* cA <2>sSA* cA cPA20 sA sPA9 cA cFA sFA cA", "accept_queue_overflow", LIKELY, False),
    # a SYN,ACK that was repeated when the data was on its way says nothing
    ("cS <1>cS* sSA cA cPA20 sSA*~ cA sA sPA9 cA cFA sFA cA", "normal_close", CERTAIN, True),
    # what a peer says while data repeated twice goes unacknowledged shows that it lives, not that it hears
    (f"{HELLO} sA1448 <0.2>sA1448* <0.4>sA1448* <0.8>sA1448* <1>cFA~ sA", "path_mtu_black_hole", LIKELY, False),
    (f"{HELLO} sA1448 <0.2>sA1448* <0.4>sA1448* <1>cFA~ sA", "path_mtu_black_hole", LIKELY, False),
    (f"{HELLO} sPA999 <0.2>sPA999* <0.4>sPA999* <0.8>sPA999* <1>cFA~ sA", "silent_drop", LIKELY, False),
    # FINs that nobody heard
    (f"{SERVED} <0.5>sFA <0.2>sFA* <0.4>sFA* <0.8>sFA*", "silent_drop", LIKELY, False),
    # IDLE: a server that resets a connection on which nothing was asked
    (f"{SERVED} <1.998>sRAt", "aborted", LIKELY, False),
    (f"{SERVED} <1.999>sRAt", "aborted", LIKELY, False),
    # a reader that stopped: the server closed then, or the client did when it had read on
    (f"{HELLO} sA1448 cAz <0.2>sAk cAz <0.2>sAk cA sPA900 cA sFA cFA sA", "normal_close", LIKELY, False),
    (f"{HELLO} sA1448 cAz <0.2>sAk cAz <0.2>sAk cA sPA900 cA cFA sFA cA", "normal_close", LIKELY, True),
    # a TLS handshake that ends with an alert
    ("cS sSA cA cPA200h sPA900h cPA7m cFA sFA cA", "normal_close", LIKELY, False),
    ("cS sSA cA cPA200h sPA900h cPA7m sFA cRAt", "aborted", LIKELY, False),
    ("cS sSA cA cPA200h sPA7m sFA cFA sA", "normal_close", LIKELY, False),
    ("cS sSA cA cPA200h sPA900h cPA90h sPA9m sFA cFA sA", "normal_close", LIKELY, False),
    ("cS sSA cA cPA200h sPA900h cPA90h cPA20d sPA9m sFA cFA sA", "normal_close", LIKELY, False),
    # FINs that cross, of a client that had waited
    (f"{HELLO} <0.199>cFA sFA~ cA sA", "simultaneous_close", LIKELY, False),
    # two probes of a closed window, or one and a pause
    (f"{HELLO} sA1448 cAz sAk cAz cRAt", "aborted", LIKELY, False),
    (f"{HELLO} sA1448 cAz sAk cAz sAk cAz cRAt", "zero_window_stall", LIKELY, False),
    (f"{HELLO} sA1448 cAz sAk cAz <0.199>cRAt", "zero_window_stall", LIKELY, False),
    # … or data that a closed window did not take, sent again
    (f"{HELLO} sA1448 cA sA1448 cAz~ <0.2>sA1448* cAz~ <0.4>sA1448* cAz~ sRAt", "zero_window_stall", LIKELY, False),
    (f"{HELLO} sA1448 cA sA1448 cAz~ <0.2>sA1448* cAz~ sRAt", "aborted", LIKELY, False),
    # UPLOAD: 4,096 bytes, and more than twice the answer
    (f"{UPLOAD.format(4095)} sPA60 cA sRAt", "aborted", LIKELY, False),
    (f"{UPLOAD.format(4096)} sPA60 cA sRAt", "early_response_reset", LIKELY, False),
    (f"{UPLOAD.format(4096)} sPA2048 cA sRAt", "aborted", LIKELY, False),
    (f"{UPLOAD.format(4096)} sPA2047 cA sRAt", "early_response_reset", LIKELY, False),
    # … of a client that leaves at once after more of its upload, with the answer at hand
    (f"{UPLOAD.format(4096)} sPA60 cPA4096 cRAt", "aborted", LIKELY, False),
    (f"{UPLOAD.format(4096)} sPA60 cPA4096 <0.199>cRAt", "client_gave_up", LIKELY, False),
    (f"{UPLOAD.format(4096)} cPA4096 cRAt", "client_gave_up", LIKELY, False),
    # an initial window, 14,600 bytes: a longer answer may have been left in the middle
    (f"{HELLO} sPA14600 cA cFA sFA cA", "normal_close", CERTAIN, True),
    (f"{HELLO} sPA14601 cA cFA sFA cA", "normal_close", LIKELY, True),
    # who closes first, and whether it was asked
    (f"{HELLO} sFA cFA sA", "closed_unanswered", LIKELY, False),
    (f"{HELLO} sFPA50 cFA sA", "normal_close", LIKELY, True),  # the answer came with the FIN
    (f"{HELLO} sPA9m sFA cFA sA", "normal_close", CERTAIN, True),  # it said why
    (f"{HELLO} sPA24g sFA cFA sA", "closed_unanswered", LIKELY, False),  # a goodbye is no answer
    (f"{SERVED} sFA cFA sA", "normal_close", LIKELY, True),
    ("cS sSA cA cPA60 sA sPA9g cPA9g <5>sPA17g sFA cFA sA", "normal_close", LIKELY, True),  # HTTP/2 without a request
    (f"{SERVED} cPA5g sFA cFA sA", "normal_close", LIKELY, True),  # and no request
    (f"{SERVED} cPA42d sFA cFA sA", "normal_close", LIKELY, True),  # an HTTP/2 frame may want no answer
    (f"{SERVED} cPA43d sFA cFA sA", "closed_unanswered", LIKELY, False),
    (f"{SERVED} cPA16? sFA cFA sA", "normal_close", LIKELY, True),
    (f"{SERVED} cPA17? sFA cFA sA", "closed_unanswered", LIKELY, False),
    (f"{HELLO} sFA cPA24g sR", "closed_unanswered", LIKELY, False),
    (f"{HELLO} sFA cA cPA20 sR", "write_after_peer_close", LIKELY, False),
    (f"{HELLO} sFA cA sRAt", "aborted", LIKELY, False),
    (f"{HELLO} sFA", "closed_unanswered", LIKELY, False),
    # TLS that ends in or after its handshake, before anything was asked for
    ("cS sSA cA cPA200h sA cFA sPA900h cR", "write_after_peer_close", LIKELY, True),
    ("cS sSA cA cPA200h sA <0.199>cFA sPA900h cR", "client_gave_up", LIKELY, False),
    ("cS sSA cA cPA200h sPA900h cA cRAt", "aborted", LIKELY, True),
    ("cS sSA cA cPA200h sA <0.198>cRAt", "aborted", LIKELY, True),
    ("cS sSA cA cPA200h sA <0.199>cRAt", "client_gave_up", LIKELY, False),
    ("cS sSA cA cPA200h sPA900h cA cPA90d cRAt", "client_gave_up", LIKELY, False),
    ("cS sSA cA cPA200h sPA41 cA cRAt", "aborted", LIKELY, False),  # what answered is no TLS
    # a client that gives up by RST
    (f"{HELLO} cRAt", "client_gave_up", LIKELY, False),
    (f"{HELLO} sPA1448 cRAt", "aborted", LIKELY, False),
    # a bare RST and the FIN that it answers
    (f"{SERVED} <5>cFA sR", "no_socket", LIKELY, False),
    (f"{SERVED} cFA sA sRAt", "aborted", LIKELY, True),
    # certain where nothing else can have made these packets, and likely beside it
    ("cS^63 sRA", "refused", CERTAIN, False),  # captured where the RST was made, behind a router
    ("cS^63 sRA^62", "refused", LIKELY, False),
    ("cS sRA", "refused", LIKELY, False),
    ("cS sSA <0.5>cA cPA20 sA sRAt", "aborted", CERTAIN, False),  # captured at the server
    ("cS^63 sSA^63 <0.5>cA^63 cPA20^63 sA^63 sRAt^63", "aborted", LIKELY, False),
    ("cS <0.5>sSA cA cPA20 sA sRAt", "aborted", LIKELY, False),  # at the client
    ("cS sSA cA cPA20 sA sRAt", "aborted", LIKELY, False),
    ("cS sSA <0.5>cA cPA20 sA <29.998>sRAt", "aborted", CERTAIN, False),
    ("cS sSA <0.5>cA cPA20 sA <29.999>sRAt", "aborted", LIKELY, False),
    ("cS sSA <0.5>cA cPA20 sA sPA50 cA cPA20 sA sRAt", "aborted", LIKELY, False),  # a race with its idle time-out
    ("cS <0.5>sSA cA cRAt", "connect_cancelled", CERTAIN, True),
    ("cS <0.5>sSA cA cR", "connect_cancelled", LIKELY, True),
    ("cS sSA <0.5>cA cRAt", "connect_cancelled", LIKELY, True),
    (f"{SERVED} cFA sFA~ cA sA", "simultaneous_close", LIKELY, False),
    (f"{SERVED} cFA sFA~ cA", "simultaneous_close", LIKELY, False),
    (f"{HELLO} cFA sFA~ cA sA", "simultaneous_close", LIKELY, False),
    (f"{SERVED} cPA20 i3.1 <1>cPA20* <2>cPA20* <4>cPA20*", "unreachable", CERTAIN, False),
    (f"{SERVED} cPA20 i3.0 <1>cPA20* <2>cPA20* <4>cPA20*", "unreachable", CERTAIN, False),
    (f"{SERVED} cPA20 i3.13 <1>cPA20* <2>cPA20* <4>cPA20*", "unreachable", LIKELY, False),
    (f"{SERVED} cPA20 <1>cPA20* <2>cPA20* <4>cPA20* i3.1", "unreachable", LIKELY, False),
    (f"{SERVED} cPA1448 i3.4 <1>cPA1448* <2>cPA1448* <4>cPA1448*", "path_mtu_black_hole", CERTAIN, False),
    (f"{SERVED} cPA900 i3.4 <1>cPA900* <2>cPA900* <4>cPA900*", "path_mtu_black_hole", LIKELY, False),
    # a client that had given up, though the server's FIN came and met a RST
    (f"{HELLO} <0.198>cFA sA sFA cR", "normal_close", LIKELY, True),
    (f"{HELLO} <0.199>cFA sA sFA cR", "client_gave_up", LIKELY, False),
    # a bare RST: what it answers is right before it, and nothing else answered that
    (f"{SERVED} cPA20 <1.998>sR", "no_socket", LIKELY, False),
    (f"{SERVED} cPA20 <1.999>sR", "no_socket", POSSIBLE, False),
    (f"{SERVED} cPA20 sA sR", "no_socket", POSSIBLE, False),
    (f"{SERVED} cFA <1.999>sR", "idle_drop", POSSIBLE, False),
    # an answer to an upload, and its rest
    (f"{UPLOAD.format(4096)} sPA60 cA sFA cA cPA20 sR", "early_response_reset", LIKELY, False),
    (f"{UPLOAD.format(4096)} sPA60 cA <0.199>sFA cA cPA20 sR", "write_after_peer_close", LIKELY, False),
    # begun in the middle
    ("sPA4096 cR", "write_after_peer_close", POSSIBLE, False),
    ("cPA20 sR", "no_socket", POSSIBLE, False),
    ("sFA cA <0.3>cPA20 sR", "stale_keepalive", POSSIBLE, False),
    ("sRA", "refused", POSSIBLE, False),
]


# From other programs and a path that reorders: here the order of packets is all that there is
IN_ORDER = [
    # it had waited, had no answer, and the client spoke up at its end; or wrote later by itself, or did not wait
    (f"{HELLO} <0.199>sFA cA cPA20 sR", "closed_unanswered", LIKELY, False),
    (f"{HELLO} <0.198>sFA cA cPA20 sR", "write_after_peer_close", LIKELY, False),
    (f"{HELLO} <0.199>sFA cA <0.199>cPA20 sR", "write_after_peer_close", LIKELY, False),
    # an answer that was captured after its FIN: reordered, or sent again
    ("cS sSA cA cPA20 sPA50 sFAw cA cFA sA", "normal_close", LIKELY, True),
    # a goodbye instead of an answer, after which the client closes at once
    (f"{HELLO} <0.199>sPA24g cPA24g cFA sRAt", "closed_unanswered", LIKELY, False),
    (f"{HELLO} <0.198>sPA24g cPA24g cFA sRAt", "client_gave_up", LIKELY, False),
    (f"{HELLO} <0.199>sPA24g cPA24g cFA sFA cA", "closed_unanswered", LIKELY, False),
    (f"{HELLO} <0.199>sPA24g cPA24g cFA sPA9 cR", "closed_unanswered", LIKELY, False),
    (f"{HELLO} <0.199>sPA24g cA <0.199>cFA sPA9 cR", "client_gave_up", LIKELY, False),
    (f"{SERVED} <0.199>sPA24g cPA24g cFA sFA cA", "normal_close", CERTAIN, True),
    # a port check, which a greeting meets; who stays or speaks is none
    ("cS sSA cA cFA sPA33 cR", "connect_cancelled", LIKELY, True),
    ("cS sSA cA <0.198>cFA sPA33 cR", "connect_cancelled", LIKELY, True),
    ("cS sSA cA <0.199>cFA sPA33 cR", "write_after_peer_close", LIKELY, False),
    ("cS sSA cA sPA33 cRAt", "connect_cancelled", LIKELY, True),
    ("cS sSA cA sPA33 <0.199>cRAt", "aborted", LIKELY, False),
    (f"{HELLO} cFA sPA33 cR", "client_gave_up", LIKELY, False),
    # a SYN,ACK repeated when the data was on its way; FINs that nobody heard; one that answers a goodbye
    (f"{SERVED} <0.5>sFA <0.2>sFA* <0.4>sFA* <0.8>sFA* <5>cPA20~ sR", "stale_keepalive", LIKELY, False),
    (f"{HELLO} <0.199>cPA24g cFA sFA~ cA sA", "client_gave_up", LIKELY, False),
    (f"{HELLO} <0.198>cPA24g cFA sFA~ cA sA", "simultaneous_close", LIKELY, False),
    # a RST that acknowledges all of an answer, or crosses it
    (f"{HELLO} sPA50e cRAt", "aborted", LIKELY, False),
    (f"{HELLO} sPA50e cRAt~", "aborted", LIKELY, False),
    # TLS 1.3's tickets, two of one length, answer no request; what has other lengths does
    (f"{TLS} sPA255d sPA255d cA <1.5>cPA24g cFA sPA24g cR", "client_gave_up", LIKELY, False),
    (f"{TLS} sPA255d sPA256d cA <1.5>cPA24g cFA sPA24g cR", "write_after_peer_close", LIKELY, True),
    (f"{TLS} sPA255d sPA255d cA <1.5>sFA cFA sA", "closed_unanswered", LIKELY, False),
    # a bare RST of a side whose data was on its way, or had arrived
    (f"{HELLO} sPA50 cA sA1448 cPA9~ sR", "aborted", LIKELY, False),
    (f"{HELLO} sPA50 cA sA1448 cPA9 sR", "no_socket", LIKELY, False),
    (f"{HELLO} sPA50 cA sA1448 <0.199>cPA9~ sR", "no_socket", LIKELY, False),
    # a frame of HTTP/2 that may want no answer, before the goodbye of its side
    (f"{SERVED} cPA42d cPA24g sFA cFA sA", "normal_close", LIKELY, True),
    (f"{SERVED} cPA43d cPA24g sFA cFA sA", "closed_unanswered", LIKELY, False),
    # ACKs that a RST overtook are no sign of life
    (f"{HELLO} sPA50 cA sPA900 cRAt cA", "aborted", LIKELY, False),
    (f"{HELLO} sPA50 cA sPA900 cRAt sPA900 cA", "reset_ignored", LIKELY, False),
]


@pytest.mark.parametrize(
    ("text", "cause", "certainty", "harmless"), TABLE + IN_ORDER, ids=[case[0] for case in TABLE + IN_ORDER]
)
def test_both_sides(text: str, cause: str, certainty: str, harmless: bool) -> None:
    verdicts = judge(flow_table(text))
    diagnosis = verdicts.template(0).diagnosis
    assert (diagnosis.cause, diagnosis.certainty.value, diagnosis.harmless) == (cause, certainty, harmless), (
        verdicts.of(0).sentence
    )
    said = verdicts.of(0).sentence.lower()
    assert "harmless" not in said or harmless


@pytest.mark.parametrize(("half_open", "flood"), [(7, False), (8, True)])
def test_a_crowd(half_open: int, flood: bool) -> None:
    verdicts = judge(flow_table(*["cS sSA <1>sSA*"] * half_open, NORMAL))
    assert (verdicts.causes()[0] == "syn_flood") is flood


@pytest.mark.parametrize(("later", "cause"), [(0.996, "still_open"), (0.999, "syn_unanswered")])
def test_a_single_syn(later: float, cause: str) -> None:
    assert judge(flow_table("cS", "cS sSA", starts=[0.0, later], ports=[80, 81])).causes()[0] == cause


@pytest.mark.parametrize(("later", "cause"), [(0.5, "still_open"), (5.0, "silent_drop")])
def test_two_repeats_need_a_quiet_second(later: float, cause: str) -> None:
    text = f"{SERVED} cPA20 <0.2>cPA20* <0.2>cPA20*"
    assert judge(flow_table(text, "cS sSA", starts=[0.0, later], ports=[80, 81])).causes()[0] == cause


def test_a_host_that_refuses_itself_is_certain() -> None:
    verdict = judge(flow_table("cS sRA", clients=[0x7F000001], servers=[0x7F000001])).of(0)
    assert (verdict.cause, verdict.certainty) == ("refused", "certain")


def test_one_direction_makes_no_flood() -> None:
    assert "syn_flood" not in judge(flow_table(*["sSA sA sPA900 sFA"] * 20)).causes()


def test_a_slow_start_and_a_stall_are_said() -> None:
    def said(text: str) -> str:
        return judge(flow_table(text)).of(0).sentence

    rest = "sSA cA cPA20 sA sPA50 cA cFA sFA cA"
    assert "slow start" not in said(f"cS {rest}")
    assert "slow start" in said(f"cS <1>cS* {rest}")
    stalled = f"{HELLO} sA1448 cAz <0.2>sAk cAz <0.5>cA sPA9 cA cFA sFA cA"
    assert "had stopped reading" in said(stalled)
    assert "had stopped reading" not in said(stalled.replace("<0.2>sAk cAz ", ""))


@pytest.mark.parametrize(
    ("error", "cause"), [("i3.4", "path_mtu_black_hole"), ("i3.1", "unreachable"), ("i3.0", "unreachable")]
)
def test_what_an_icmp_error_means(error: str, cause: str) -> None:
    gone = f"{SERVED} cPA1448 {error} <0.2>cPA1448* {error} <0.4>cPA1448* <0.8>cPA1448*"
    assert judge(flow_table(gone)).causes() == [cause]


@pytest.mark.parametrize(
    ("text", "neighbour", "cause"),
    [
        (f"{IGNORED} sA sPA9 cA cFA sFA cA", NORMAL, "accept_queue_overflow"),  # a full queue behind SYN cookies
        (f"{IGNORED} sA sPA9 cA cFA sPA24g cR", NORMAL, "accept_queue_overflow"),
        (f"{IGNORED.removeprefix('cS sSA cA ')} sA sPA9 cA cFA sFA cA", NORMAL, "normal_close"),  # is it the first?
    ],
)
def test_who_else_is_at_the_listener(text: str, neighbour: str, cause: str) -> None:
    assert judge(flow_table(text, neighbour)).of(0).cause == cause
