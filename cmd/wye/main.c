/* SPDX-License-Identifier: MIT */
/* wye: joins the endpoints on its command line. Knows libwye by its public headers alone. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <wye/wye.h>
#include "help.h"
#include "options.h"
#include "run.h"

/* Each link is a file descriptor, and 1,024 are few. The hard limit is the administrator's word. */
static void raise_fd_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* --help into a full disk has failed. */
static int print_status(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_FINE;
	perror("wye: standard output");
	return STATUS_FAILED;
}

int main(int argc, char **argv)
{
	static char buffer[BUFSIZ];
	struct options options;

	(void)setvbuf(stderr, buffer, _IOLBF,
		      sizeof(buffer)); /* a line is one write, whole beside others' */
	if (options_parse(&options, argc, argv) < 0)
		return STATUS_USAGE;
	if (options.help) {
		help_full(stdout);
		return print_status();
	}
	if (options.version) {
		printf("wye %s\n", wye_version());
		return print_status();
	}
	if (options.n_urls == 0 && !options.demo) {
		help_short(stderr);
		return STATUS_USAGE;
	}
	raise_fd_limit();
	return (int)run(&options);
}
