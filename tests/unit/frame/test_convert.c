/* SPDX-License-Identifier: MIT */
/* The table of conversions, cell by cell; then whole ways there and back. */
#include "heard.h"
#include "oracle.h"

#define L FRAME_LINE
#define R FRAME_RAW
#define N FRAME_LEN32
#define D FRAME_DGRAM

struct row {
	enum frame from, to;
	enum eol eol;
	const char *message;
	u32 len;
	const char *wire; /* NULL: nothing goes out */
	u32 wire_len;
	u32 split;
};
#define ROW(from, to, eol, message, wire, split)                                                   \
	{                                                                                          \
		from, to, eol, message, sizeof(message) - 1, wire, sizeof(wire) - 1, split         \
	}
#define NOTHING(from, to, eol, message)                                                            \
	{                                                                                          \
		from, to, eol, message, sizeof(message) - 1, NULL, 0, 0                            \
	}

static const struct row table[] = {
	ROW(L, L, EOL_KEEP, "a\n", "a\n", 0),
	ROW(L, L, EOL_KEEP, "a\r\n", "a\r\n", 0),
	ROW(L, L, EOL_KEEP, "a", "a\n", 0),
	ROW(L, L, EOL_KEEP, "", "\n", 0),
	ROW(L, L, EOL_STRIP, "a", "a\n", 0),
	ROW(L, L, EOL_STRIP, "a\n", "a\n", 0),
	ROW(L, L, EOL_CRLF, "a\n", "a\r\n", 0),
	ROW(L, L, EOL_CRLF, "a\r\n", "a\r\n", 0),
	ROW(L, L, EOL_CRLF, "a", "a\r\n", 0),
	ROW(L, L, EOL_CRLF, "a\r", "a\r\r\n", 0),
	ROW(L, L, EOL_CRLF, "a\r\r\n", "a\r\r\n", 0),
	ROW(L, L, EOL_CRLF, "\n", "\r\n", 0),
	ROW(L, L, EOL_CRLF, "\r\n", "\r\n", 0),
	ROW(L, L, EOL_CRLF, "", "\r\n", 0),
	ROW(L, R, EOL_CRLF, "a\n", "a\n", 0),
	ROW(L, R, EOL_KEEP, "a", "a", 0),
	NOTHING(L, R, EOL_KEEP, ""),
	ROW(L, N, EOL_CRLF, "a\n", "\0\0\0\2a\n", 0),
	ROW(L, N, EOL_KEEP, "", "\0\0\0\0", 0),
	ROW(L, D, EOL_CRLF, "a\n", "a\n", 0),
	ROW(L, D, EOL_KEEP, "", "", 0),
	ROW(R, L, EOL_KEEP, "a\nb", "a\nb", 0),
	ROW(R, L, EOL_CRLF, "a\nb\n", "a\nb\n", 0),
	ROW(R, R, EOL_KEEP, "a\nb", "a\nb", 0),
	ROW(R, N, EOL_KEEP, "a\nb", "\0\0\0\3a\nb", 0),
	ROW(R, D, EOL_KEEP, "a\nb", "a\nb", 0),
	ROW(N, L, EOL_KEEP, "", "\n", 0),
	ROW(N, L, EOL_KEEP, "a", "a\n", 0),
	ROW(N, L, EOL_KEEP, "a\n", "a\n", 0),
	ROW(N, L, EOL_KEEP, "a\nb", "a\nb\n", 1),
	ROW(N, L, EOL_KEEP, "\n\n\n", "\n\n\n", 1),
	ROW(N, L, EOL_CRLF, "a\nb\n", "a\nb\r\n", 1),
	ROW(N, L, EOL_CRLF, "a\r", "a\r\r\n", 0),
	ROW(N, R, EOL_KEEP, "a\nb", "a\nb", 0),
	ROW(N, N, EOL_KEEP, "ab", "\0\0\0\2ab", 0),
	ROW(N, D, EOL_KEEP, "a\nb", "a\nb", 0),
	ROW(D, L, EOL_KEEP, "a", "a\n", 0),
	ROW(D, L, EOL_KEEP, "a\n", "a\n", 0),
	ROW(D, L, EOL_KEEP, "a\nb\n", "a\nb\n", 1),
	ROW(D, L, EOL_CRLF, "a", "a\r\n", 0),
	ROW(D, R, EOL_KEEP, "a\nb", "a\nb", 0),
	ROW(D, N, EOL_KEEP, "ab", "\0\0\0\2ab", 0),
	ROW(D, D, EOL_KEEP, "a\nb", "a\nb", 0),
};

static void units__every_cell_of_the_table__one_unit_of_these_bytes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		const struct row *row = &table[i];
		const struct frame_rules to = {row->to, row->eol, 65507, false};
		const struct msg m = {(const u8 *)row->message, row->len};
		struct bytes wire = {0};
		struct unit u[2];
		u64 split = 0;
		u32 used = 0, n;

		n = wyi_frame_units(row->from, &to, &m, &used, u, 2, &split);
		assert_int_equal(n, row->wire ? 1 : 0);
		assert_int_equal(used, m.len);
		assert_int_equal(split, row->split);
		if (n)
			bytes_add_unit(&wire, u);
		assert_int_equal(wire.len, row->wire_len);
		if (wire.len)
			assert_memory_equal(wire.data, row->wire, wire.len);
		bytes_free(&wire);
	}
}

static void units__body__is_lent_not_copied(void **state)
{
	const struct frame_rules to = {FRAME_LINE, EOL_KEEP, 99, false};
	const struct msg m = {(const u8 *)"abc", 3};
	struct unit u;
	u64 split = 0;
	u32 used = 0;

	(void)state;
	assert_int_equal(wyi_frame_units(FRAME_LEN32, &to, &m, &used, &u, 1, &split), 1);
	assert_ptr_equal(u.body, m.data);
}

static void units__raw_into_datagrams__pieces_of_1400(void **state)
{
	const struct frame_rules to = {FRAME_DGRAM, EOL_KEEP, 65507, false};
	static u8 data[3 * FRAME_PIECE + 1];
	const struct msg m = {data, sizeof(data)};
	struct unit u[3];
	u64 split = 0;
	u32 used = 0;

	(void)state;
	assert_int_equal(wyi_frame_units(FRAME_RAW, &to, &m, &used, u, 3, &split), 3);
	assert_int_equal(used, 3 * FRAME_PIECE);
	assert_int_equal(u[0].len, FRAME_PIECE);
	assert_ptr_equal(u[2].body, data + 2 * FRAME_PIECE);
	assert_int_equal(wyi_frame_units(FRAME_RAW, &to, &m, &used, u, 3, &split), 1);
	assert_int_equal(used, sizeof(data));
	assert_int_equal(u[0].len, 1);
	assert_int_equal(wyi_frame_units(FRAME_RAW, &to, &m, &used, u, 3, &split), 0);
}

static void units__raw_into_small_datagrams__pieces_that_fit(void **state)
{
	const struct frame_rules to = {FRAME_DGRAM, EOL_KEEP, 4, false};
	const struct msg m = {(const u8 *)"abcdef", 6};
	struct unit u[3];
	u64 split = 0;
	u32 used = 0;

	(void)state;
	assert_int_equal(wyi_frame_units(FRAME_RAW, &to, &m, &used, u, 3, &split), 2);
	assert_int_equal(u[0].len, 4);
	assert_int_equal(u[1].len, 2);
	assert_true(wyi_frame_fits(&to, &u[0]));
}

static void fits__counts_as_a_reader_of_that_wire_would(void **state)
{
	const struct frame_rules line = {FRAME_LINE, EOL_KEEP, 4, false};
	const struct frame_rules crlf = {FRAME_LINE, EOL_CRLF, 4, false};
	const struct frame_rules len32 = {FRAME_LEN32, EOL_KEEP, 4, false};
	struct {
		const struct frame_rules *to;
		const char *message;
		bool fits;
	} rows[] = {
		{&line, "abc", true},	  {&line, "abcd", false}, {&line, "abc\n", true},
		{&crlf, "abc\n", false},  {&crlf, "ab", true},	  {&len32, "abcd", true},
		{&len32, "abcde", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = rows[i].message;
		const struct msg m = {(const u8 *)text, (u32)strlen(text)};
		struct unit u;
		u64 split = 0;
		u32 used = 0;

		assert_int_equal(wyi_frame_units(L, rows[i].to, &m, &used, &u, 1, &split), 1);
		assert_int_equal(wyi_frame_fits(rows[i].to, &u), rows[i].fits);
	}
}

/*
 * Cuts `in` by rules and writes what comes as `to` says: one hop. Datagrams: each unit is one, with
 * `ends`.
 */
struct wire {
	struct bytes bytes;
	u32 ends[4096], n_ends;
};

static void forward(const struct frame_rules *from, const struct frame_rules *to,
		    const struct msg *m, struct wire *out, u64 *split)
{
	struct unit u[2];
	u32 used = 0, i, n;

	do {
		n = wyi_frame_units(from->frame, to, m, &used, u, ARRAY_SIZE(u), split);
		for (i = 0; i < n; i++) {
			bytes_add_unit(&out->bytes, &u[i]);
			assert_true(out->n_ends < ARRAY_SIZE(out->ends));
			out->ends[out->n_ends++] = (u32)out->bytes.len;
		}
	} while (used < m->len);
}

static void hop(const struct frame_rules *from, const struct wire *in, const struct frame_rules *to,
		struct wire *out, u64 *split)
{
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg m[16];
	u32 i, pos = 0, used;
	int k, got;

	*out = (struct wire){0};
	for (i = 0; i < in->n_ends; i++)
		for (; pos < in->ends[i]; pos += used) {
			got = wyi_frame_cut(from, &c, in->bytes.data + pos, in->ends[i] - pos,
					    &used, m, ARRAY_SIZE(m), &counts);
			assert_true(got >= 0);
			for (k = 0; k < got; k++)
				forward(from, to, &m[k], out, split);
		}
	if (wyi_frame_end(from, &c, m) == 1)
		forward(from, to, m, out, split);
	wyi_frame_reset(&c);
	assert_int_equal(counts.skipped + counts.empty, 0);
}

/* 8-bit lines: every byte value, empty lines, \r\n, no newline at the very end. */
static void make_mess(struct wire *w, bool ended)
{
	u32 i, x = 12345;
	u8 byte;

	*w = (struct wire){0};
	for (i = 0; i < 60000; i++) {
		x = x * 1664525 + 1013904223;
		byte = (u8)(x >> 24);
		if (x >> 16 & 1 && byte < 8)
			bytes_add(&w->bytes, "\r\n", 2);
		bytes_add(&w->bytes, &byte, 1);
		if (i % 997 == 0)
			w->ends[w->n_ends++] = (u32)w->bytes.len;
	}
	bytes_add(&w->bytes, ended ? "x\n" : "x", ended ? 2 : 1);
	w->ends[w->n_ends++] = (u32)w->bytes.len;
}

static void there_and_back(const struct frame_rules *a, const struct frame_rules *b, bool ended)
{
	static struct wire start, between, back;
	u64 split = 0;

	make_mess(&start, ended);
	hop(a, &start, b, &between, &split);
	hop(b, &between, a, &back, &split);
	if (!ended && a->frame == FRAME_LINE)
		bytes_add(&start.bytes, "\n", 1);
	assert_true(bytes_equal(&start.bytes, &back.bytes));
	assert_int_equal(split, 0);
	bytes_free(&start.bytes);
	bytes_free(&between.bytes);
	bytes_free(&back.bytes);
}

static void line__there_and_back_by_any_wire__8_bit_mess_unchanged(void **state)
{
	static const enum frame by[] = {FRAME_LINE, FRAME_LEN32, FRAME_DGRAM};
	const struct frame_rules line = {FRAME_LINE, EOL_KEEP, 65507, false};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(by); i++) {
		const struct frame_rules other = {by[i], EOL_KEEP, 65507, false};

		there_and_back(&line, &other, true);
		there_and_back(&line, &other, false);
	}
}

static void raw__there_and_back_by_any_wire__8_bit_mess_unchanged(void **state)
{
	static const enum frame by[] = {FRAME_RAW, FRAME_LEN32, FRAME_DGRAM};
	const struct frame_rules raw = {FRAME_RAW, EOL_KEEP, 65507, false};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(by); i++) {
		const struct frame_rules other = {by[i], EOL_KEEP, 65507, false};

		there_and_back(&raw, &other, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units__every_cell_of_the_table__one_unit_of_these_bytes),
		cmocka_unit_test(units__body__is_lent_not_copied),
		cmocka_unit_test(units__raw_into_datagrams__pieces_of_1400),
		cmocka_unit_test(units__raw_into_small_datagrams__pieces_that_fit),
		cmocka_unit_test(fits__counts_as_a_reader_of_that_wire_would),
		cmocka_unit_test(line__there_and_back_by_any_wire__8_bit_mess_unchanged),
		cmocka_unit_test(raw__there_and_back_by_any_wire__8_bit_mess_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
