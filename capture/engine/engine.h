/* The engine: bytes of a capture in, connections out. No Python.h; plain C11; called by ctypes.
 *
 * Three parts, each below the next: what feeds it (source.c, pcap.c, pcapng.c), headers (headers.c and the like), and
 * connections (connections.c and what follows). A part knows only the doors of the one above it:
 *
 *   bytes --feed--> container --frame--> headers --segment / quoted--> connections --> table
 *
 * State is what has been seen so far. Cutting the bytes elsewhere changes nothing; asking for the table changes nothing.
 * Every count is 64 bits wide. Work and memory are bounded for each byte that is fed.
 */
#ifndef TCPTRIAGE_ENGINE_H
#define TCPTRIAGE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

/* TCP flags as model.TcpFlags has them. */
enum { FIN = 0x001, SYN = 0x002, RST = 0x004, PSH = 0x008, ACK = 0x010, URG = 0x020, ECE = 0x040, CWR = 0x080, AE = 0x100 };

/* Marks of a segment: capture.wire.column_types.PacketMark has the same bits (checked by a test). */
enum {
  MARK_TIMESTAMP = 0x01,    /* the TCP timestamp option is there (RFC 7323) */
  MARK_HEADER_CUT = 0x02,   /* the snaplen cut the TCP header: options (or more) are unknown */
  MARK_BAD_CHECKSUM = 0x04, /* TCP or IP checksum wrong, where it could be computed and was not left to the card */
  MARK_SACK = 0x08,         /* carries a SACK block */
  MARK_IPV6 = 0x10,
  MARK_FRAGMENT = 0x20,     /* first fragment of, or reassembled from, several IP fragments */
  MARK_SAME_AS_BEFORE = 0x40, /* a second copy of the same packet: set by the connections, never by headers */
  MARK_FAST_OPEN = 0x80,    /* a TCP Fast Open option with a cookie (RFC 7413) */
  MARK_TTL_UNKNOWN = 0x100, /* text without a TTL: ttl is 0 and says nothing */
  MARK_ID_UNKNOWN = 0x200,  /* text without an IP identification */
  MARK_SACK_PERMITTED = 0x400,
  MARK_FAST_OPEN_ASKED = 0x800, /* a Fast Open option without a cookie */
  MARK_FLAGS_CUT = 0x1000, /* the snaplen left no more than ports, or ports and numbers: flags and payload are unknown */
};

enum { DIRECTION_UNKNOWN = 0, DIRECTION_IN = 1, DIRECTION_OUT = 2, DIRECTION_OTHER = 3 };

/* One TCP segment. Addresses: 16 bytes; of IPv4 the first four, the rest 0. */
struct segment {
  uint64_t number;      /* of the packet in the capture, from 1; all packets count, not only TCP */
  uint64_t offset;      /* of its record in its file (unpacked bytes) */
  int64_t time;         /* epoch nanoseconds */
  uint8_t src[16], dst[16];
  uint16_t sport, dport;
  uint32_t seq, ack;
  uint16_t flags;       /* nine bits */
  uint16_t window;      /* as on the wire, unscaled */
  uint32_t payload;     /* bytes by the IP header, not by what was captured */
  uint32_t captured;    /* of them that were captured, at `data`; 0 where none */
  const uint8_t *data;  /* valid until engine_flush; may be NULL */
  uint32_t scope;       /* of engine_scope */
  uint32_t interface;   /* of the capture; NO_INTERFACE where it does not say */
  uint32_t tsval, tsecr; /* of MARK_TIMESTAMP */
  uint16_t mss;         /* of a SYN; 0 without one */
  uint16_t ip_id;       /* 0 for IPv6 */
  uint16_t marks;
  int8_t wscale;        /* window scale option, at most 14; -1 without one */
  uint8_t ttl;
  uint8_t family;       /* 4 or 6; of both ends, but for a text's: the target's in the upper half where it is another */
  uint8_t direction;    /* DIRECTION_… where the link layer or pcapng says it */
  uint8_t content;      /* what its payload begins with, where `data` is NULL: 0 unknown (payload_kinds.c) */
  uint8_t http;         /* what HTTP/1 says in it, where `data` is NULL: HTTP_… (http_messages.c) */
  uint32_t http_end;
  uint32_t traced;      /* the number of its record, from 1 (segment_trace.c); 0 without one: set by the connections */
};
#define NO_INTERFACE UINT32_MAX

static inline int src_family(const struct segment *s) { return s->family & 15; }
static inline int dst_family(const struct segment *s) { return s->family >> 4 ? s->family >> 4 : s->family; }

/* A TCP header quoted in an ICMP error: evidence for its connection, not a packet of it. */
struct quoted {
  uint64_t number;
  int64_t time;
  uint8_t reporter[16]; /* the router or host that sent the ICMP */
  uint8_t src[16], dst[16]; /* of the quoted packet */
  uint16_t sport, dport;
  uint32_t seq;
  uint16_t mtu;         /* next hop's MTU of "fragmentation needed" (IPv4) or "packet too big" (at most 65,535); 0 */
  uint8_t type, code;
  uint8_t family;
  uint8_t has_seq;      /* 0 where the quotation is too short; a text's has more to say: QUOTED_… */
};

/* Of a text, whose hosts may be names (family 6): what the error is of, and whether its reporter is a name. */
enum { QUOTED_SEQ = 1, QUOTED_BY_V6 = 2, QUOTED_BY_V4 = 4, QUOTED_REPORTER_6 = 8 };

/* ---- what headers may call (connections.c provides) ---- */
struct engine;

/* A segment may wait a little before it is taken; its `data` must be there until engine_flush has been called. */
void engine_segment_in(struct engine *engine, const struct segment *segment);
void engine_flush(struct engine *engine);
/* There was no memory for something: what the engine says is not whole, and its totals say so. */
void engine_lacks_memory(struct engine *engine);
void engine_quoted_in(struct engine *engine, const struct quoted *quoted);
/* Every packet, before its segment: counts it and its time. */
void engine_packet_in(struct engine *engine, int64_t time);
/* The index of a scope ("10", "10,20" for VLANs; "vxlan:5" and the like for tunnels; "" for none), made on first sight.
 * 0 is the plain one. At most MOST_SCOPES are kept apart; the rest share the last. */
API uint32_t engine_scope(struct engine *engine, const char *vlan, const char *tunnel);
#define MOST_SCOPES 65536
#define SCOPE_TEXT 64

/* ---- what containers and headers tell ---- */
/* A notice: what was lost, cut or passed over. The text's words are in Python (notices by code); here the code, the
 * packet and up to three numbers and a text of the capture (a comment, a name). */
struct notice {
  uint64_t packet;      /* 0: of no packet */
  int64_t a, b, c;      /* numbers in its sentence; the code's sentence says what they are */
  uint32_t code;        /* enum notice_code, in reader.h */
  uint32_t text;        /* index into the texts, UINT32_MAX without one */
};

/* ---- containers: bytes in (reader.c and the like provide; its header is reader.h) ---- */
struct reader;

struct reader *reader_new(struct engine *engine, uint64_t first_number);
void reader_free(struct reader *reader);
/* Takes all of `size` bytes at any cut; what does not make a whole record is kept. <0: an error code that says that
 * nothing of it can be read (no capture, format not read); else 0. */
int reader_feed(struct reader *reader, const uint8_t *data, size_t size);
/* The bytes end here: a record that was begun is cut short (said in a notice). Changes nothing that feed has to know: a
 * growing file asks for the notices of now with this on a copy of nothing — it only fills `end_notices`. */
int reader_end(struct reader *reader);

#endif
