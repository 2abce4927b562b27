/* SPDX-License-Identifier: MIT */
/*
 * Messages into the units of a wire: who has a boundary to say, says it in the sink's way.
 *
 *   from \ to   line                raw        len32         datagram
 *   line        "\n" if missing     as it is   header        one, terminator included
 *   raw         as it is            as it is   header, each  pieces of at most FRAME_PIECE
 *                                              read one
 *   len32       "\n" if missing     as it is   header        one
 *   datagram    "\n" if missing     as it is   header        one
 *
 * A sink with eol=crlf gets "\r\n" where the table says "\n", and in place of a final "\n". raw has
 * no boundaries, so nothing is added or replaced. Can't fail; a newline inside a len32 message or
 * a datagram that becomes a line splits it there, which is counted, not prevented.
 * An empty message (an empty line read with eol=strip) is an empty unit where the wire can say so,
 * and nothing on raw.
 */
#include <string.h>
#include "frame/frame.h"

static bool ends_line(const struct msg *m)
{
	return m->len && m->data[m->len - 1] == '\n';
}

static bool has_inner_newline(const struct msg *m)
{
	return m->len > 1 && memchr(m->data, '\n', m->len - 1);
}

static void end_crlf(struct unit *u, const struct msg *m)
{
	if (ends_line(m))
		u->len--;
	if (u->len < m->len && u->len && m->data[u->len - 1] == '\r')
		u->len--;
	u->tail[0] = '\r';
	u->tail[1] = '\n';
	u->n_tail = 2;
}

static void to_line(enum frame from, enum eol eol, struct unit *u, const struct msg *m)
{
	if (from == FRAME_RAW)
		return;
	if (eol == EOL_CRLF) {
		end_crlf(u, m);
	} else if (!ends_line(m)) {
		u->tail[0] = '\n';
		u->n_tail = 1;
	}
}

static void to_len32(struct unit *u)
{
	u->head[0] = (u8)(u->len >> 24);
	u->head[1] = (u8)(u->len >> 16);
	u->head[2] = (u8)(u->len >> 8);
	u->head[3] = (u8)u->len;
	u->n_head = 4;
}

static u32 to_pieces(u32 max_message, const struct msg *m, u32 *ret_used, struct unit *out, u32 max)
{
	u32 n = 0, len, piece = max_message < FRAME_PIECE ? max_message : FRAME_PIECE;

	for (; n < max && *ret_used < m->len; n++) {
		len = m->len - *ret_used < piece ? m->len - *ret_used : piece;
		out[n] = (struct unit){.body = m->data + *ret_used, .len = len};
		*ret_used += len;
	}
	return n;
}

u32 wyi_frame_units(enum frame from, const struct frame_rules *to, const struct msg *m,
		    u32 *ret_used, struct unit *out, u32 max, u64 *ret_split)
{
	wyi_assert(max > 0 && to->max_message > 0);
	if (from == FRAME_RAW && to->frame == FRAME_DGRAM)
		return to_pieces(to->max_message, m, ret_used, out, max);
	*ret_used = m->len;
	*out = (struct unit){.body = m->data, .len = m->len};
	switch (to->frame) {
	case FRAME_LINE:
		to_line(from, to->eol, out, m);
		if ((from == FRAME_LEN32 || from == FRAME_DGRAM) && has_inner_newline(m))
			++*ret_split;
		return 1;
	case FRAME_RAW:
		return m->len > 0;
	case FRAME_LEN32:
		to_len32(out);
		return 1;
	case FRAME_DGRAM:
		return 1;
	}
	wyi_abort("frame is known", __FILE__, __LINE__);
}

bool wyi_frame_fits(const struct frame_rules *to, const struct unit *u)
{
	/* Only len32 has a head, and it is no part of the message. */
	return (u64)u->len + u->n_tail <= to->max_message;
}
