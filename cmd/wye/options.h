/* SPDX-License-Identifier: MIT */
/* The command line: one table of options makes the parsing, --help and "did you mean". */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <wye/loop.h>

struct options {
	bool help, version, demo, stay;
	unsigned linger_ms;
	enum wye_level level; /* what is logged: this and worse */
	char **urls;	      /* the endpoints, in argv */
	int n_urls;
};

/* 0; or -1, and what is wrong was said on standard error. */
int options_parse(struct options *ret, int argc, char **argv);
/* The lines of --help that describe the options. */
void options_print(FILE *);

#endif
