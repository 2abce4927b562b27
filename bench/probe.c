/* SPDX-License-Identifier: MIT */
/*
 * What entering the kernel costs on this machine: the figure that says how far ratios that come
 * from fewer system calls carry over to another one.
 *
 *	bench_probe [CPU CPU]      -> {"empty_call_ns": 95.1, "wake_round_trip_us": 9.8}
 *
 * An empty call is getppid through syscall(2), best of 20 batches (what disturbs can only add).
 * The round trip is one byte through a pipe to a process on the second CPU and back: two wakes
 * of a sleeping CPU, median of 2,000.
 */
#include "bench_util.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 20, CALLS = 50000, TRIPS = 2000, MIDDLE = TRIPS / 2 };

static void pin(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		bench_die("CPU %u: %s", (unsigned)cpu, strerror(errno));
}

static double empty_call_ns(void)
{
	uint64_t best = UINT64_MAX;

	for (int batch = 0; batch < BATCHES; batch++) {
		uint64_t begin = bench_now_ns(), took;

		for (int i = 0; i < CALLS; i++)
			syscall(SYS_getppid);
		took = bench_now_ns() - begin;
		if (took < best)
			best = took;
	}
	return (double)best / CALLS;
}

static void echo(int in, int out)
{
	char byte;

	while (read(in, &byte, 1) == 1)
		if (write(out, &byte, 1) != 1)
			break;
	_exit(0);
}

static double wake_round_trip_us(uint64_t there)
{
	static uint64_t took[TRIPS];
	int ask[2], answer[2];
	char byte = 0;
	pid_t child;

	if (pipe(ask) || pipe(answer) || (child = fork()) < 0)
		bench_die("%s", strerror(errno));
	if (child == 0) {
		pin(there);
		close(ask[1]); /* or the end of the parent would never show */
		echo(ask[0], answer[1]);
	}
	for (int i = 0; i < TRIPS; i++) {
		uint64_t begin = bench_now_ns();

		if (write(ask[1], &byte, 1) != 1 || read(answer[0], &byte, 1) != 1)
			bench_die("pipe: %s", strerror(errno));
		took[i] = bench_now_ns() - begin;
	}
	close(ask[1]);
	waitpid(child, NULL, 0);
	bench_sort(took, TRIPS);
	return (double)took[MIDDLE] / 1000;
}

int main(int argc, char **argv)
{
	uint64_t here = argc > 2 ? bench_number("CPU", argv[1], 0, CPU_SETSIZE - 1) : 0;
	uint64_t there = argc > 2 ? bench_number("CPU", argv[2], 0, CPU_SETSIZE - 1) : 0;
	double call;

	pin(here);
	call = empty_call_ns();
	printf("{\"empty_call_ns\": %.1f, \"wake_round_trip_us\": %.1f}\n", call,
	       wake_round_trip_us(there));
	return 0;
}
