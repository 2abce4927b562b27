/* SPDX-License-Identifier: MIT */
/* Texts of errors, and bytes made fit for one line. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <wye/wye.h>
#include "base/base.h"

static void strerror__each_code__its_own_text(void **state)
{
	(void)state;
	for (int a = WYE_EEND; a <= WYE_EGONE; a++) {
		assert_string_not_equal(wye_strerror(a), "unknown error");
		for (int b = WYE_EEND; b < a; b++)
			assert_string_not_equal(wye_strerror(a), wye_strerror(b));
	}
	assert_string_equal(wye_strerror(-ECONNREFUSED), "Connection refused");
	assert_string_equal(wye_strerror(-ENOMEM), "Cannot allocate memory");
	assert_ptr_equal(wye_strerror(-EPIPE), wye_strerror(-EPIPE));
}

static void strerror__no_code__still_a_text(void **state)
{
	(void)state;
	assert_string_equal(wye_strerror(0), "success");
	assert_string_equal(wye_strerror(17), "success");
	assert_string_equal(wye_strerror(WYE_EEND - 1), "unknown error");
	assert_string_equal(wye_strerror(-4096), "unknown error");
	assert_string_equal(wye_strerror(-4000), "unknown error");
	assert_string_equal(wye_strerror(INT32_MIN), "unknown error");
}

static void version__loaded__as_compiled(void **state)
{
	(void)state;
	assert_string_equal(wye_version(), WYE_VERSION);
}

static void fail__text_too_long__cut_inside_the_struct(void **state)
{
	char longer[1000];
	struct wye_error e;

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(wyi_fail(&e, WYE_EFULL, 7, "%s %d", "seven", 7), WYE_EFULL);
	assert_int_equal(e.code, WYE_EFULL);
	assert_int_equal(e.at, 7);
	assert_string_equal(e.text, "seven 7");
	assert_int_equal(wyi_fail(&e, -EINVAL, 0, "%s", longer), -EINVAL);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_int_equal(wyi_fail(NULL, -EINVAL, 0, "%s", longer), -EINVAL);
}

static void escape__controls_and_high_bytes__printable(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(wyi_escape(out, sizeof(out), "plain text", 10), "plain text");
	assert_string_equal(wyi_escape(out, sizeof(out), "a\n\r\t\\\"", 6), "a\\n\\r\\t\\\\\\\"");
	assert_string_equal(wyi_escape(out, sizeof(out), "\0\x1b[2J\x7f\xc3\xa9", 8),
			    "\\x00\\x1b[2J\\x7f\\xc3\\xa9");
	assert_string_equal(wyi_escape(out, sizeof(out), "", 0), "");
}

static void escape__every_size__whole_escapes_then_dots(void **state)
{
	static const u8 bytes[] = "ab\x01\ncd\xff"
				  "e";
	char out[64], whole[64];

	(void)state;
	wyi_escape(whole, sizeof(whole), bytes, sizeof(bytes) - 1);
	assert_string_equal(whole, "ab\\x01\\ncd\\xffe");
	for (size_t size = 4; size <= sizeof(out); size++) {
		size_t n, kept;

		memset(out, '#', sizeof(out));
		wyi_escape(out, size, bytes, sizeof(bytes) - 1);
		n = strnlen(out, size);
		assert_true(n < size);
		for (size_t i = n + 1; i < sizeof(out); i++)
			assert_true(i < size || out[i] == '#');
		if (size > strlen(whole)) {
			assert_string_equal(out, whole);
			continue;
		}
		assert_string_equal(out + n - 3, "...");
		kept = n - 3;
		assert_memory_equal(out, whole, kept);
		/* Cut between two escapes: no "\x0" is left. */
		assert_true(kept != 3 && kept != 4 && kept != 5 && kept != 7);
	}
}

static void assert__false_claim__aborts_saying_where(void **state)
{
	char text[256] = "";
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], 2);
		wyi_assert(pid == 77);
		_exit(0);
	}
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(text, "pid == 77"));
	assert_non_null(strstr(text, "test_error.c:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strerror__each_code__its_own_text),
		cmocka_unit_test(strerror__no_code__still_a_text),
		cmocka_unit_test(version__loaded__as_compiled),
		cmocka_unit_test(fail__text_too_long__cut_inside_the_struct),
		cmocka_unit_test(escape__controls_and_high_bytes__printable),
		cmocka_unit_test(escape__every_size__whole_escapes_then_dots),
		cmocka_unit_test(assert__false_claim__aborts_saying_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
