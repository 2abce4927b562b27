/* SPDX-License-Identifier: MIT */
/*
 * Random histories of a feed against a naive model (see history.h).
 *
 *   property [PART OF]          part PART (1 ..) of OF parts of the histories: 100,000, or
 *                               WYE_HISTORIES of them
 *   property --seed N           that one, every invariant recounted after every step
 *   property --mutants [SEEDS]  where the feed is built with WYE_MUTANTS: breaks one rule at a time
 *                               in a child process; each must be caught within that many
 *                               histories (default 4,000), by what can be seen from outside
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "feed/mutant.h"
#include "history.h"

static u64 now_running;

/* An assertion inside the feed failed: it does not know the seed. */
static void on_abort(int signo)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "seed %llu\n", (unsigned long long)now_running);

	(void)signo;
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(2);
	_exit(1);
}

/*
 * In every deep-th history all invariants are recounted after every step. 0: never, only what can
 * be seen counts.
 */
static void run(u64 from, u64 to, u32 deep, struct history_sum *sum)
{
	for (now_running = from; now_running < to; now_running++)
		history_run(now_running, deep && now_running % deep == 0, sum);
}

static void print_sum(const struct history_sum *s)
{
	printf("%llu histories: %llu messages fed, %llu routed = %llu written + %llu dropped + "
	       "%llu lost + rest; "
	       "%llu begun and cut short, %llu closed as overrun\n",
	       (unsigned long long)s->histories, (unsigned long long)s->messages,
	       (unsigned long long)s->routed, (unsigned long long)s->written,
	       (unsigned long long)s->dropped, (unsigned long long)s->lost,
	       (unsigned long long)s->rests, (unsigned long long)s->closed);
}

#ifdef WYE_MUTANTS
#define MUTANT_TEXT(name) #name,
static const char *const names[] = {"none", FEED_MUTANTS(MUTANT_TEXT)};

/* In a child: whatever a broken feed does, it ends there. */
static void run_mutant(u32 mutant, u64 seeds)
{
	struct history_sum sum = {0};

	wyi_feed_mutant = (enum feed_mutant)mutant;
	alarm(120);
	run(0, seeds, 0, &sum);
	exit(0);
}

static bool is_caught(u32 mutant, u64 seeds)
{
	int status = 0;
	pid_t pid;

	printf("%-16s ", names[mutant]);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(STDOUT_FILENO, STDERR_FILENO);
		run_mutant(mutant, seeds);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	if (WIFSIGNALED(status))
		printf("caught: signal %d\n", WTERMSIG(status));
	if (status == 0)
		printf("not caught\n");
	return status != 0;
}

static int run_mutants(u64 seeds)
{
	u32 missed = 0;

	if (is_caught(MUTANT_NONE, seeds / 10)) {
		printf("the feed itself fails\n");
		return 1;
	}
	for (u32 mutant = 1; mutant < MUTANT_COUNT; mutant++)
		missed += !is_caught(mutant, seeds);
	printf("%u of %u mutants caught\n", MUTANT_COUNT - 1 - missed, MUTANT_COUNT - 1);
	return missed ? 1 : 0;
}
#else
static int run_mutants(u64 seeds)
{
	(void)seeds;
	fprintf(stderr, "this feed was built without mutants\n");
	return 2;
}
#endif

int main(int argc, char **argv)
{
	const char *wanted = getenv("WYE_HISTORIES");
	u64 total = wanted ? strtoull(wanted, NULL, 10) : 100000, part = 1, of = 1;
	struct history_sum sum = {0};

	signal(SIGABRT, on_abort);
	if (argc >= 2 && !strcmp(argv[1], "--mutants"))
		return run_mutants(argc > 2 ? strtoull(argv[2], NULL, 10) : 4000);
	if (argc == 3 && !strcmp(argv[1], "--seed")) {
		u64 seed = strtoull(argv[2], NULL, 10);

		run(seed, seed + 1, 1, &sum);
		print_sum(&sum);
		return 0;
	}
	if (argc == 3) {
		part = strtoull(argv[1], NULL, 10);
		of = strtoull(argv[2], NULL, 10);
	}
	if (part < 1 || part > of) {
		fprintf(stderr, "usage: property [PART OF] | --seed N | --mutants [SEEDS]\n");
		return 2;
	}
	run(total * (part - 1) / of, total * part / of, 4, &sum);
	print_sum(&sum);
	return 0;
}
