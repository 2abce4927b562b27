/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target (libFuzzer): any bytes, split anywhere, by any rules, give what the naive cutter of
 * oracle.h gives; and what is forwarded to any kind of wire is read back there as it was sent.
 *
 * Input: u8 framing | eol << 2 | skip << 4; u8 max_message - 1; u8 room for results - 1; u8 seed
 * of the splits; then the stream.
 *
 *     clang -std=c17 -D_GNU_SOURCE -g -O2 -fsanitize=fuzzer,address,undefined -Isrc -Iinclude \
 *         tests/fuzz/fuzz_frame.c src/frame/[a-z]*.c src/base/[a-z]*.c -o fuzz_frame
 */
#include "../unit/frame/oracle.h"

#define HEAD	   4u
#define STREAM_MAX 1024u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Seed 0: one piece; 255: byte by byte; others: pieces of pseudo-random length, some empty. */
static u32 split(u8 seed, u32 n, u32 *ends)
{
	u32 at = 0, count = 0, x = seed, step = seed == 255 ? 1 : 1 + seed % 64u;

	if (seed == 0 || n == 0) {
		ends[0] = n;
		return 1;
	}
	while (at < n && count < 2 * STREAM_MAX - 1) {
		x = x * 1664525 + 1013904223;
		at += seed == 255 ? 1 : (x >> 24) % (step + 1);
		if (at > n)
			at = n;
		ends[count++] = at;
	}
	if (at < n)
		ends[count++] = n;
	return count;
}

/* What a reader of the wire would hear of these units is the message, changed as the table says. */
static void check_units(enum frame from, const struct frame_rules *to, const struct msg *m)
{
	static struct bytes wire, body;
	u32 used = 0, before, i, n;
	u64 newlines = 0;
	struct unit u[2];

	wire.len = body.len = 0;
	do {
		before = used;
		n = wyi_frame_units(from, to, m, &used, u, ARRAY_SIZE(u), &newlines);
		CHECK(n <= ARRAY_SIZE(u) && used <= m->len && (used > before || !m->len));
		for (i = 0; i < n; i++) {
			bytes_add(&body, u[i].body, u[i].len);
			bytes_add_unit(&wire, &u[i]);
			CHECK(to->frame != FRAME_DGRAM || from != FRAME_RAW ||
			      (u[i].len <= FRAME_PIECE && wyi_frame_fits(to, &u[i])));
		}
	} while (used < m->len);
	if (to->frame == FRAME_LINE && from != FRAME_RAW) {
		CHECK(wire.len && wire.data[wire.len - 1] == '\n');
		CHECK(wire.len <= (size_t)m->len + 2 && newlines <= 1);
		CHECK(body.len + 2 >= m->len &&
		      (!body.len || !memcmp(body.data, m->data, body.len)));
		CHECK(to->eol != EOL_CRLF || (wire.len > 1 && wire.data[wire.len - 2] == '\r'));
	} else {
		CHECK(!newlines && body.len == m->len);
		CHECK(!m->len || !memcmp(body.data, m->data, m->len));
		CHECK(wire.len == body.len + (to->frame == FRAME_LEN32 ? 4 : 0));
	}
}

static void check_conversions(const struct frame_rules *from, const u8 *text, size_t n)
{
	struct frame_rules to = *from;
	struct msg m;
	size_t at;
	int i;

	for (at = 0; at < n; at += m.len) {
		memcpy(&m.len, text + at, sizeof(m.len));
		at += sizeof(m.len);
		m.data = text + at;
		for (i = 0; i < 4; i++) {
			to.frame = (enum frame)i;
			check_units(from->frame, &to, &m);
		}
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u32 ends[2 * STREAM_MAX];
	static bool idle[STREAM_MAX + 1];
	const struct heard *heard;
	struct frame_rules rules;
	struct stream s;

	if (size < HEAD || size > HEAD + STREAM_MAX)
		return 0;
	rules = (struct frame_rules){
		.frame = (enum frame)(data[0] & 3),
		.eol = (enum eol)((data[0] >> 2 & 3) % 3),
		.skip = data[0] >> 4 & 1,
		.max_message = data[1] + 1u,
	};
	s = (struct stream){data + HEAD, (u32)(size - HEAD), ends, 0};
	s.n_ends = split(data[3], s.n, ends);
	heard = check_stream(&rules, &s, data[2] + 1u, idle);
	check_conversions(&rules, heard->text.data, heard->text.len);
	return 0;
}
