/* SPDX-License-Identifier: MIT */
/*
 * What every bench program needs: a clock, the CPU time of another process, and a way to stop.
 *
 * bench_die ends the program with 1 and a line on standard error: a bench that cannot go on has
 * nothing to report, so no function here returns an error.
 */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void bench_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A number of the command line, in [low, high]; ends the program if it is none. */
uint64_t bench_number(const char *name, const char *text, uint64_t low, uint64_t high);

/* CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);

/* CPU time of all threads of a process, those that ended included, to the nanosecond: the clock
 * the kernel keeps for it (clock_getcpuclockid(3)), so also work done for it in soft interrupts
 * while it ran. pid 0: the caller. */
uint64_t bench_cpu_ns(pid_t pid);

/* Nanoseconds the threads of a process waited for a CPU that was busy with others
 * (second number of /proc/PID/task/TID/schedstat): how far the machine was shared. */
uint64_t bench_run_delay_ns(pid_t pid);

void bench_sleep_ms(unsigned ms);

/* The smallest first. */
void bench_sort(uint64_t *numbers, size_t n);

/* Non-blocking TCP socket on 127.0.0.1, listening, with the deepest backlog there is. */
int bench_listen(uint16_t port);

#endif
