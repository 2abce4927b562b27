/* SPDX-License-Identifier: MIT */
/* The framings that keep nothing: raw and datagrams. */
#include "heard.h"

static void raw__a_read__is_a_message(void **state)
{
	struct ear e = {.rules = {FRAME_RAW, EOL_STRIP, 64, false}};

	(void)state;
	assert_int_equal(FEED(&e, "a\nb"), 0);
	ear_is_idle(&e);
	assert_int_equal(FEED(&e, "c\r\n"), 0);
	assert_string_equal(e.text, "<a\nb><c\r\n>");
	assert_int_equal(ear_end(&e), 0);
}

static void raw__over_max__cut_there(void **state)
{
	struct ear e = {.rules = {FRAME_RAW, EOL_KEEP, 3, false}};

	(void)state;
	assert_int_equal(FEED(&e, "abcdefgh"), 0);
	assert_int_equal(FEED(&e, "abc"), 0);
	assert_string_equal(e.text, "<abc><def><gh><abc>");
	assert_int_equal(e.counts.skipped, 0);
}

static void raw__no_bytes__nothing_counted(void **state)
{
	struct ear e = {.rules = {FRAME_RAW, EOL_KEEP, 3, false}};

	(void)state;
	assert_int_equal(FEED(&e, ""), 0);
	assert_string_equal(e.text, "");
	assert_int_equal(e.counts.empty, 0);
}

static void dgram__a_datagram__is_a_message(void **state)
{
	struct ear e = {.rules = {FRAME_DGRAM, EOL_STRIP, 4, false}};

	(void)state;
	assert_int_equal(FEED(&e, "a\nb\n"), 0);
	assert_int_equal(FEED(&e, "c"), 0);
	assert_string_equal(e.text, "<a\nb\n><c>");
	ear_is_idle(&e);
}

static void dgram__empty__counted_and_not_given(void **state)
{
	struct ear e = {.rules = {FRAME_DGRAM, EOL_KEEP, 4, false}};

	(void)state;
	assert_int_equal(FEED(&e, ""), 0);
	assert_int_equal(FEED(&e, "x"), 0);
	assert_string_equal(e.text, "<x>");
	assert_int_equal(e.counts.empty, 1);
}

static void dgram__over_max__error_or_skipped(void **state)
{
	struct ear strict = {.rules = {FRAME_DGRAM, EOL_KEEP, 4, false}};
	struct ear lenient = {.rules = {FRAME_DGRAM, EOL_KEEP, 4, true}};

	(void)state;
	assert_int_equal(FEED(&strict, "abcde"), WYE_EFRAME);
	assert_int_equal(FEED(&lenient, "abcde"), 0);
	assert_int_equal(FEED(&lenient, "abcd"), 0);
	assert_string_equal(lenient.text, "<abcd>");
	assert_int_equal(lenient.counts.skipped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw__a_read__is_a_message),
		cmocka_unit_test(raw__over_max__cut_there),
		cmocka_unit_test(raw__no_bytes__nothing_counted),
		cmocka_unit_test(dgram__a_datagram__is_a_message),
		cmocka_unit_test(dgram__empty__counted_and_not_given),
		cmocka_unit_test(dgram__over_max__error_or_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
