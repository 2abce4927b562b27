/* SPDX-License-Identifier: MIT */
/*
 * The command line, by getopt_long. Happy path: options_parse() fills the struct; what is no option
 * is an endpoint. Failure: one line that says where, what was found and what was wanted, with the
 * nearest option.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "options.h"

/* Those without a letter; under LETTERS a value is the letter. */
enum { LETTERS = 256, OPT_DEMO = LETTERS, OPT_LINGER, OPT_STAY, OPT_VERSION };

static const struct row {
	int value;
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *does;
} rows[] = {
	{OPT_DEMO, "demo", NULL, "open one endpoint of each kind and say how to talk to them"},
	{OPT_LINGER, "linger", "DURATION",
	 "silence to wait for before the end, for late answers (500ms)"},
	{OPT_STAY, "stay", NULL, "don't end when the endpoints that can end have ended"},
	{'v', "verbose", NULL, "also log each link that comes and goes; statistics at exit"},
	{'q', "quiet", NULL, "log errors only"},
	{OPT_VERSION, "version", NULL, "print the version and exit"},
	{'h', "help", NULL, "print this and exit"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

void options_print(FILE *out)
{
	for (int i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		char text[40];
		snprintf(text, sizeof(text), "%s--%s%s%s", row->value < LETTERS ? "" : "    ",
			 row->name, row->argument ? " " : "", row->argument ? row->argument : "");
		if (row->value < LETTERS)
			fprintf(out, "  -%c, %-19s %s\n", row->value, text, row->does);
		else
			fprintf(out, "  %-23s %s\n", text, row->does);
	}
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned small = a < b ? a : b;
	return small < c ? small : c;
}

/* Edits (insert, delete, change one letter) between two words; long words are far apart. */
static unsigned distance(const char *a, size_t len_a, const char *b)
{
	enum { LONGEST = 32 };
	size_t len_b = strlen(b);
	unsigned row[LONGEST + 1];
	if (len_a > LONGEST || len_b > LONGEST)
		return UINT_MAX;
	for (unsigned j = 0; j <= len_b; j++)
		row[j] = j;
	for (unsigned i = 1; i <= len_a; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= len_b; j++) {
			unsigned above = row[j];
			row[j] =
				least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[len_b];
}

/* The option that was probably meant by --word, or NULL. */
static const char *nearest(const char *word)
{
	size_t len = strcspn(word, "=");
	unsigned best = len < 4 ? 2 : 3; /* must be nearer than this */
	const char *found = NULL;
	for (int i = 0; i < ROWS; i++) {
		unsigned d = distance(word, len, rows[i].name);
		if (d < best) {
			best = d;
			found = rows[i].name;
		}
	}
	return found;
}

static int unknown(const char *text)
{
	const char *near = strncmp(text, "--", 2) == 0 ? nearest(text + 2) : NULL;
	fprintf(stderr, "wye: option '%s': there is no such option; ", text);
	if (near)
		fprintf(stderr, "did you mean --%s?\n", near);
	else
		fprintf(stderr, "wanted one of those that wye --help shows\n");
	return -1;
}

static const struct row *row_of(int value)
{
	for (int i = 0; i < ROWS; i++)
		if (rows[i].value == value)
			return &rows[i];
	return NULL;
}

static int wrong(int answer, char **argv)
{
	const struct row *row = row_of(optopt);
	const char *text = argv[optind - 1];
	char letter[3] = {'-', (char)optopt, 0};

	if (answer == ':') {
		fprintf(stderr, "wye: option '%s': ends here; wanted a value: --%s %s\n", text,
			row->name, row->argument);
		return -1;
	}
	if (strncmp(text, "--", 2) != 0)
		return unknown(optopt ? letter : text); /* perhaps in the middle of -abc */
	if (!row)
		return unknown(text);
	fprintf(stderr, "wye: option '%s': found a value; wanted none: --%s\n", text, row->name);
	return -1;
}

/* Durations as in URLs: a whole number and us, ms, s, m or h; 0 needs no unit. */
static int duration_ms(unsigned *ret_ms, const char *text)
{
	static const struct {
		const char *unit;
		unsigned long long us;
	} units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}};
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || n > INT_MAX)
		return -1;
	if (n == 0 && *end == 0) {
		*ret_ms = 0;
		return 0;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		unsigned long long ms = (n * units[i].us + 999) /
					1000; /* never shorter than asked */
		if (strcmp(end, units[i].unit) == 0 && ms <= INT_MAX) {
			*ret_ms = (unsigned)ms;
			return 0;
		}
	}
	return -1;
}

static int take(struct options *o, int value)
{
	switch (value) {
	case OPT_DEMO:
		o->demo = true;
		return 0;
	case OPT_LINGER:
		if (duration_ms(&o->linger_ms, optarg) == 0)
			return 0;
		fprintf(stderr,
			"wye: option --linger: found '%s'; wanted a whole number and us, ms, s, m "
			"or h, such as 500ms\n",
			optarg);
		return -1;
	case OPT_STAY:
		o->stay = true;
		return 0;
	case OPT_VERSION:
		o->version = true;
		return 0;
	case 'v':
		o->level = WYE_LOG_DEBUG;
		return 0;
	case 'q':
		o->level = WYE_LOG_ERROR;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		return -1;
	}
}

/* "-" with keys or a name begins like an option, but is an endpoint. "-?" alone is neither. */
static bool is_stdio(const char *text)
{
	return text[0] == '-' && text[1] && strchr(",?&#", text[1]) && strcmp(text, "-?") != 0;
}

static void make_tables(struct option table[ROWS + 1], char letters[3 + ROWS])
{
	/*
	 * '-': endpoints come in their turn; ':': a missing value is told apart from an unknown
	 * option.
	 */
	size_t n = 0;
	letters[n++] = '-';
	letters[n++] = ':';
	for (int i = 0; i < ROWS; i++) {
		table[i] = (struct option){.name = rows[i].name,
					   .has_arg = rows[i].argument ? required_argument
								       : no_argument,
					   .val = rows[i].value};
		if (rows[i].value < LETTERS)
			letters[n++] = (char)rows[i].value;
	}
	table[ROWS] = (struct option){0};
	letters[n] = 0;
}

/*
 * The endpoints are gathered at the front of argv: there is always room, since each was read from a
 * place at or behind the one where it goes.
 */
int options_parse(struct options *ret, int argc, char **argv)
{
	struct options o = {.linger_ms = 500, .level = WYE_LOG_INFO, .urls = argv + 1};
	struct option table[ROWS + 1];
	char letters[3 + ROWS];

	make_tables(table, letters);
	opterr = 0; /* the words are ours */
	while (optind < argc) {
		if (is_stdio(argv[optind])) {
			o.urls[o.n_urls++] = argv[optind++];
			continue;
		}
		int value = getopt_long(argc, argv, letters, table, NULL);
		if (value == -1)
			break; /* "--": the rest are endpoints */
		if (value == '?' || value == ':')
			return wrong(value, argv);
		if (value == 1)
			o.urls[o.n_urls++] = optarg;
		else if (take(&o, value) < 0)
			return -1;
	}
	while (optind < argc)
		o.urls[o.n_urls++] = argv[optind++];
	if (o.demo && o.n_urls > 0) {
		fprintf(stderr,
			"wye: '%s': --demo brings its own endpoints; leave out one or the other\n",
			o.urls[0]);
		return -1;
	}
	*ret = o;
	return 0;
}
