/* SPDX-License-Identifier: MIT */
/*
 * A pass: all live readers are offered the messages [from, to), in chunks.
 *
 * Happy path: every reader of a chunk takes all of it and stands at `to`; what is fed meanwhile
 * waits for the next pass, so batches grow with load. Failure modes: a socket takes less, and its
 * reader becomes solo where it is, with a copy of the rest of the message it is in; a datagram
 * endpoint is full, and the pass stops.
 */
#include <string.h>
#include "feed/inner.h"

bool wyi_feed_due(const struct feed *f)
{
	return !f->blocked && (f->done < f->n_live || f->to < f->seq || f->n_state[DUE]);
}

static void pass_begin(struct feed *f)
{
	u32 k = wyi_seg_find(f, u64_max(f->to, feed_first(f)));
	u64 to = f->next - k > FEED_IOVS ? seg_at(f, k + FEED_IOVS)->seq0 : f->seq;

	if (f->datagram)
		to = u64_min(to, f->to + FEED_DGRAMS);
	f->from = f->to;
	f->byte_from = f->byte_to;
	f->done = f->part = 0;
	wyi_feed_set_to(f, to, wyi_feed_byte_at(f, to));
}

bool wyi_feed_pass(struct feed *f)
{
	if (f->blocked)
		return false;
	if (f->done == f->n_live && f->to < f->seq)
		pass_begin(f);
	feed_check(f);
	return f->done < f->n_live;
}

/* Streams: a piece of memory for each segment. Datagrams: one for each message. */
static u32 range_iovs(const struct feed *f, struct iovec *iov)
{
	u32 n = 0, k = wyi_seg_find(f, f->from);

	for (u64 seq = f->from; seq < f->to; k++) {
		struct segment *s = seg_at(f, k);
		u64 end = u64_min(seg_end(s), f->to);

		while (seq < end) {
			u64 stop = f->datagram ? seq + 1 : end;
			u32 start = seg_start(s, (u32)(seq - s->seq0));

			iov[n].iov_base = s->data + start;
			iov[n++].iov_len = seg_start(s, (u32)(stop - s->seq0)) - start;
			seq = stop;
		}
	}
	return n;
}

u32 wyi_feed_chunk(struct feed *f, struct iovec *iov, u32 *ret_iovs, u32 *slots, u32 max,
		   u32 *ret_skip)
{
	u32 n = f->blocked ? 0 : f->n_live - f->done;

	if (n > max)
		n = max;
	if (n)
		memcpy(slots, f->live + f->done, n * sizeof(u32));
	*ret_iovs = n ? range_iovs(f, iov) : 0;
	if (ret_skip)
		*ret_skip = MUTANT(part_forgotten) ? 0 : f->part;
	return n;
}

/* It has got messages up to `seq` of the range. */
static void count_range(struct feed *f, u64 seq)
{
	f->written += seq - f->from - f->part;
	if (f->part || seq < f->to)
		f->written_bytes += wyi_feed_byte_at(f, seq) -
				    wyi_feed_byte_at(f, f->from + f->part);
	else
		f->written_bytes += f->byte_to - f->byte_from;
}

static void live_full(struct feed *f, struct reader *r, u32 slot)
{
	u32 index = reader_index(r);

	count_range(f, f->to);
	f->part = 0;
	if (index != f->done) {
		u32 other = f->live[f->done];

		f->live[index] = other;
		feed_reader(f, other)->at = r->at;
		f->live[f->done] = slot;
		r->at = (uintptr_t)f->done << 1 | 1;
	}
	f->done++;
}

static int live_short(struct feed *f, u32 slot, u64 got)
{
	u64 byte = f->byte_from + got;
	struct segment *s = wyi_seg_find_byte(f, byte);
	u32 i = wyi_seg_message(s, byte - s->byte0);
	u32 off = (u32)(byte - s->byte0) - seg_start(s, i);
	u64 seq = s->seq0 + i;
	struct solo *o = wyi_reader_to_solo(f, slot, WAIT);

	count_range(f, seq);
	if (!o) {
		wyi_reader_leave_at(f, slot, seq, WYE_DROP_MEMORY);
		return -ENOMEM;
	}
	o->moved += (u32)got;
	wyi_solo_move(f, o, seq, WAIT);
	if (off && wyi_solo_keep_rest(f, o, s, i, off) < 0)
		return wyi_solo_doom(f, o, -ENOMEM);
	return 0;
}

int wyi_feed_live_result(struct feed *f, u32 slot, u64 got)
{
	struct reader *r = feed_reader(f, slot);
	u64 whole = f->datagram ? f->to - f->from : f->byte_to - f->byte_from;
	int err = 0;

	wyi_assert(r->at & 1 && reader_index(r) >= f->done && got <= whole);
	if (got == whole) {
		live_full(f, r, slot);
	} else if (f->datagram) { /* the endpoint is full: the pass stops here */
		wyi_assert(reader_index(r) == f->done && got >= f->part);
		count_range(f, f->from + got);
		f->part = (u32)got;
	} else {
		err = live_short(f, slot, got);
	}
	feed_check(f);
	return err;
}
