/* SPDX-License-Identifier: MIT */
/*
 * frame: bytes in, messages out; and messages into the units of another kind of wire. One file
 * per framing. Sans-I/O: no fd, no clock. Any thread, each on its own objects.
 *
 * In: a cutter per link. It is given bytes as they come, however split, and gives whole messages;
 * what is incomplete it keeps, in memory that grows with bytes received, never with lengths
 * announced. An idle cutter at a boundary owns nothing. Failure: a message over max_message is an
 * error (WYE_EFRAME) or, where the endpoint says so, skipped to the next boundary and counted.
 * Out: wyi_frame_units() applies the table of conversions; it can't fail.
 *
 * What is a message, and its length, which max_message bounds on every wire (both ways):
 *   line   up to and with its "\n"; the length counts the terminator as it came, also under
 *          eol=strip, which takes "\n" or "\r\n" off what is given out. An empty line is a message
 *          (of length 0 under strip). The last piece of a stream is one as it is
 *   raw    what one read returned, cut at max_message
 *   len32  4 bytes of big-endian length, which are not counted, then the message. A length of 0
 *          is no message: counted `empty`
 *   dgram  one datagram. Of length 0: counted `empty`
 */
#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

#include "base/base.h"

/* What is the same for all links of an endpoint. */
struct frame_rules {
	enum frame frame;
	enum eol eol;
	u32 max_message;
	bool skip; /* too long: skip and count, instead of an error */
};

struct partial;
struct cutter { /* 16 bytes in a link; zeroed = at a boundary */
	struct partial *partial;
	u32 skip_left; /* len32: bytes still to skip */
	u8 skipping;   /* line: to the next newline */
	u8 emitted;    /* `partial` is a message that was given out; the next call frees it */
};

struct cut_counts {
	u64 skipped; /* messages too long, skipped */
	u64 empty;   /* length 0 where that is no message */
};

/*
 * Cuts in[0, n); for dgram that is one datagram. Answers the number of messages put into out (at
 * most max, which is at least 1), lent until the next call on this cutter or the end of `in`.
 * *ret_used: bytes of `in` consumed. Call again with the rest while *ret_used < n: that happens
 * when out is full, and when a kept message was completed and an incomplete one follows (there is
 * one buffer). Answers may be 0 with bytes left; every call consumes something or fails.
 * WYE_EFRAME: too long, and rules->skip is not set; -ENOMEM. Messages before the error are given
 * first, and the next call fails. After an error the cutter is good for wyi_frame_reset() only.
 */
int wyi_frame_cut(const struct frame_rules *rules, struct cutter *c, const u8 *in, u32 n,
		  u32 *ret_used, struct msg *out, u32 max, struct cut_counts *counts);
/*
 * What was given out is dealt with: gives its memory back, so that a link that falls silent owns
 * nothing. The next cut does it as well. Call it when *ret_used == n.
 */
void wyi_frame_release(struct cutter *c);
/*
 * End of the stream. 1 = *ret_last is set: the last piece of `line`, lent until release or reset.
 * WYE_EFRAME: inside a len32 message or header (not while skipping one: that is counted already).
 */
int wyi_frame_end(const struct frame_rules *rules, struct cutter *c, struct msg *ret_last);
u32 wyi_frame_held(const struct cutter *c); /* bytes of memory; 0 = owns nothing */
void wyi_frame_reset(struct cutter *c);	    /* frees what is kept; at a boundary again */

#define FRAME_PIECE 1400u /* raw into datagrams */
/*
 * What message m from a source of framing `from` becomes on a sink of rules `to`. Most give one
 * unit; raw into datagrams gives several: *ret_used, 0 at first, is the bytes of m dealt with;
 * call again while it is < m->len. Units lend m's bytes. Answers the number of units put into out
 * (at most max, at least 1); 0 = nothing goes out (an empty line into raw). *ret_split += 1 if a
 * newline inside m now splits it.
 */
u32 wyi_frame_units(enum frame from, const struct frame_rules *to, const struct msg *m,
		    u32 *ret_used, struct unit *out, u32 max, u64 *ret_split);
/* Would a reader of that wire with to->max_message take it? What does not fit is `too-big`. */
bool wyi_frame_fits(const struct frame_rules *to, const struct unit *u);

#endif
