/* SPDX-License-Identifier: MIT */
/*
 * frame: bytes in, messages out; and messages into the units of another kind of wire. One file per framing.
 * Sans-I/O: no fd, no clock.
 *
 * In: a cutter per link. It is given bytes as they come, however split, and gives whole messages; what is
 * incomplete it keeps, in memory that grows with bytes received, never with lengths announced. An idle cutter
 * at a boundary owns nothing. Failure: a message over max_message is an error (WYE_EFRAME) or, where the
 * endpoint says so, skipped to the next boundary and counted.
 * Out: wyi_frame_units() applies the table of conversions.
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
	u8 emitted;    /* a message lent from `partial` was given out and is freed by the next call */
};

struct cut_counts {
	u64 skipped; /* messages too long, skipped */
	u64 empty;   /* length 0 where that is no message */
};

/*
 * Cuts in[0, n). Answers the number of messages put into out (at most max), lent until the next call on this
 * cutter or the end of `in`; *ret_used: bytes of `in` consumed. Call again with the rest while *ret_used < n.
 * WYE_EFRAME: too long (and not skip); -ENOMEM. Messages found before the error are given first.
 */
int wyi_frame_cut(const struct frame_rules *, struct cutter *, const u8 *in, u32 n, u32 *ret_used,
		  struct msg *out, u32 max, struct cut_counts *);
/* End of the stream: `line`'s last piece without newline counts as it is; a cut-off len32 is WYE_EFRAME. 1 = *out is set. */
int wyi_frame_end(const struct frame_rules *, struct cutter *, struct msg *out);
u32 wyi_frame_held(const struct cutter *); /* bytes kept */
void wyi_frame_reset(struct cutter *);     /* frees what is kept */

#define FRAME_PIECE 1400u /* raw into datagrams */
/*
 * What message m from a source of framing `from` becomes on a sink of rules `to`. Most give one unit; raw into
 * datagrams gives several: call again with *ret_used advanced, while it is < m->len. Units lend m's bytes.
 * Answers the number of units put into out (at most max); 0 = nothing goes out. *ret_split += 1 if a newline inside now
 * splits it.
 */
u32 wyi_frame_units(enum frame from, const struct frame_rules *to, const struct msg *m, u32 *ret_used,
		    struct unit *out, u32 max, u64 *ret_split);
const char *wyi_frame_name(enum frame);

#endif
