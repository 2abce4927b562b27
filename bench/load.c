/* SPDX-License-Identifier: MIT */
/*
 * The load of the fan-out bench: N subscribers and one producer in one process, a closed loop.
 *
 *	bench_load --port P --hub PID --subscribers N --bytes M --flight W --ms T
 *	           [--proto plain|nats|mqtt] [--spin] [--stall-ms T] [--join G]
 *
 * Happy path: connect all, warm up, then rounds until the time is over: write W messages at once,
 * wait until every subscriber got every byte of them, compare each byte. Before and after the
 * rounds the CPU clock of the hub is read, while the hub has nothing to do. The figures go to
 * standard output as one JSON object.
 *
 * Failure modes: a byte that is missing (nothing came for --stall-ms), wrong, twice or unasked
 * makes the run void: {"void": "reason"}, exit 3. Anything that prevents a run: a line on standard
 * error, exit 1.
 *
 * With --spin the load never sleeps while it waits, so the hub never pays for waking it up.
 */
#include "bench_util.h"
#include "load_proto.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, ROOM = 64 * 1024, FLIGHT_BYTES_MAX = 64 * 1024, ROUNDS_MAX = 4 << 20 };
enum { FIRST_PROBE = 'p', LAST_PROBE = 'z' };
enum { QUIET_MS = 20, JOIN_WAIT_MS = 20, GREET_S = 10 };

struct sub {
	int fd;
	/* Bytes of a ping of the hub that came so far; joining: 1 = heard a probe. */
	uint32_t pinged;
	size_t off; /* bytes of this round's batch that came; joining: of the last probe */
};

struct load {
	const struct proto *proto;
	uint16_t port;
	pid_t hub;
	size_t n, bytes, flight;
	size_t join; /* newcomers at a time */
	double seconds;
	uint64_t stall_ns; /* with nothing coming, a run is given up */
	bool spin;

	int epoll, producer;
	struct sub *subs;
	struct batch up, down;
	uint64_t number; /* of the next message */
	size_t done;	 /* subscribers that have the whole batch; joining: that heard a probe */
	bool joining;
	uint64_t idle_ns, latest_ns;
	char in[ROOM];
};

struct figures {
	uint64_t rounds, elapsed_ns, hub_ns, load_ns, idle_ns, segments, p50_ns, p99_ns;
	uint64_t hub_delay_ns, load_delay_ns;
};

static void __attribute__((noreturn, format(printf, 1, 2))) run_void(const char *format, ...)
{
	va_list args;

	printf("{\"void\": \"");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\"}\n");
	fflush(stdout);
	_exit(3);
}

/* --- connecting --- */

static int dial(const struct load *load)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(load->port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = GREET_S};
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
	    connect(fd, (struct sockaddr *)&address, sizeof address))
		bench_die("connecting to 127.0.0.1:%u: %s", load->port, strerror(errno));
	return fd;
}

static void watch(const struct load *load, int fd, uint32_t index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

	if (fcntl(fd, F_SETFL, O_NONBLOCK) || epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event))
		bench_die("epoll: %s", strerror(errno));
}

/* --- receiving --- */

static void on_wrong(const struct load *load, const struct sub *sub, const char *got)
{
	run_void("subscriber %zu: %s at byte %zu of %zu of the batch that begins with message "
		 "%" PRIu64,
		 (size_t)(sub - load->subs), got, sub->off, load->down.len,
		 load->number - load->flight);
}

/* Byte after byte: something stands between the messages. Only a hub's ping may. */
static void take_slowly(struct load *load, struct sub *sub, const char *in, size_t len)
{
	const char *ping = load->proto->ping, *pong = load->proto->pong;
	const struct batch *down = &load->down;

	for (; len; in++, len--) {
		bool boundary = sub->off % down->unit == 0;

		if (ping && (sub->pinged || boundary) && *in == ping[sub->pinged]) {
			if (ping[++sub->pinged])
				continue;
			sub->pinged = 0;
			if (send(sub->fd, pong, strlen(pong), MSG_NOSIGNAL) < 0)
				bench_die("answering a ping: %s", strerror(errno));
		} else if (sub->pinged || sub->off == down->len) {
			on_wrong(load, sub, "a byte too many");
		} else if (*in != down->bytes[sub->off]) {
			on_wrong(load, sub, "a wrong byte");
		} else {
			sub->off++;
		}
	}
}

static void on_probe(struct load *load, struct sub *sub, size_t len)
{
	const char *last = memchr(load->in, LAST_PROBE, len);

	if (!sub->pinged) {
		sub->pinged = 1;
		load->done++;
	}
	if (sub->off)
		sub->off += len;
	else if (last)
		sub->off = len - (size_t)(last - load->in);
}

static void on_input(struct load *load, struct sub *sub)
{
	const struct batch *down = &load->down;
	ssize_t got = recv(sub->fd, load->in, ROOM, 0);
	size_t len = (size_t)got, before = sub->off;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && load->joining) {
		on_probe(load, sub, len);
		return;
	}
	if (got <= 0)
		on_wrong(load, sub, got ? strerror(errno) : "end of stream");
	if (!sub->pinged && len <= down->len - sub->off &&
	    memcmp(load->in, down->bytes + sub->off, len) == 0)
		sub->off += len;
	else
		take_slowly(load, sub, load->in, len);
	if (sub->off == down->len && before != down->len)
		load->done++;
}

/* The producer hears nothing but pings: no hub gives a message back to who sent it. */
static void on_producer_input(struct load *load)
{
	const char *ping = load->proto->ping, *pong = load->proto->pong;
	ssize_t got = recv(load->producer, load->in, ROOM, 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		run_void("producer: %s", got ? strerror(errno) : "end of stream");
	if (!ping || (size_t)got != strlen(ping) || memcmp(load->in, ping, strlen(ping)) != 0)
		run_void("producer: %zd bytes came back", got);
	if (send(load->producer, pong, strlen(pong), MSG_NOSIGNAL) < 0)
		bench_die("answering a ping: %s", strerror(errno));
}

/* One look at what came; waits for it at most wait_ms. Returns the number of events. */
static int serve(struct load *load, int wait_ms)
{
	struct epoll_event events[EVENTS];
	uint64_t before = bench_now_ns();
	int n = epoll_wait(load->epoll, events, EVENTS, wait_ms);

	if (n < 0)
		bench_die("epoll_wait: %s", strerror(errno));
	load->latest_ns = bench_now_ns();
	if (n == 0)
		load->idle_ns += load->latest_ns - before;
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == UINT32_MAX)
			on_producer_input(load);
		else
			on_input(load, &load->subs[events[i].data.u32]);
	return n;
}

/* --- one round --- */

static void on_stall(const struct load *load)
{
	uint64_t missing = 0;

	for (size_t i = 0; i < load->n; i++)
		missing += load->down.len - load->subs[i].off;
	run_void("%zu of %zu subscribers are short by %" PRIu64 " bytes in all",
		 load->n - load->done, load->n, missing);
}

static void produce(struct load *load)
{
	size_t sent = 0;

	while (sent < load->up.len) {
		ssize_t n = send(load->producer, load->up.bytes + sent, load->up.len - sent,
				 MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			serve(load, 0);
		else
			run_void("producer: %s", strerror(errno));
	}
}

/* Returns nanoseconds from before the write until the last subscriber had it all. */
static uint64_t play_round(struct load *load)
{
	uint64_t begin, moved;

	for (size_t i = 0; i < load->n; i++)
		load->subs[i].off = 0;
	load->done = 0;
	batch_number(&load->up, load->number);
	batch_number(&load->down, load->number);
	load->number += load->flight;
	begin = moved = bench_now_ns();
	produce(load);
	while (load->done < load->n) {
		if (serve(load, load->spin ? 0 : (int)(load->stall_ns / 1000000)))
			moved = load->latest_ns;
		else if (load->latest_ns - moved >= load->stall_ns)
			on_stall(load);
	}
	return bench_now_ns() - begin;
}

/* --- getting everybody in --- */

static void send_probe(struct load *load, char letter)
{
	char message[FLIGHT_BYTES_MAX];

	memset(message, letter, load->bytes - 1);
	message[load->bytes - 1] = '\n';
	if (send(load->producer, message, load->bytes, MSG_NOSIGNAL) != (ssize_t)load->bytes)
		run_void("producer: a probe could not be sent: %s", strerror(errno));
}

static void serve_until(struct load *load, uint64_t deadline, size_t heard)
{
	do
		serve(load, 1);
	while (load->done < heard && load->latest_ns < deadline);
}

/*
 * A plain hub does not say that it has accepted. So the producer sends probes until each newcomer
 * heard one, --join newcomers at a time: some hubs have a backlog of ten and a lost SYN costs a
 * second. A last probe of another letter is behind all others: who heard it whole is in, and
 * nothing is on its way any more.
 */
static void probe_until_heard(struct load *load, size_t heard)
{
	uint64_t begin = bench_now_ns();

	while (load->done < heard) {
		uint64_t now = bench_now_ns();

		if (now - begin > load->stall_ns)
			run_void("%zu of %zu subscribers could not join", heard - load->done,
				 load->n);
		send_probe(load, FIRST_PROBE);
		serve_until(load, now + JOIN_WAIT_MS * UINT64_C(1000000), heard);
	}
}

static void end_probes(struct load *load)
{
	uint64_t begin = bench_now_ns();
	size_t i = 0;

	send_probe(load, LAST_PROBE);
	while (i < load->n) {
		if (load->subs[i].off == load->bytes) {
			i++;
			continue;
		}
		serve(load, 1);
		if (load->latest_ns - begin > load->stall_ns)
			run_void("subscriber %zu did not hear the last probe", i);
	}
	for (i = 0; i < load->n; i++)
		load->subs[i].pinged = 0;
}

static void gather_everybody(struct load *load)
{
	bool plain = !load->proto->greet_subscriber;

	load->producer = dial(load);
	if (load->proto->greet_producer)
		load->proto->greet_producer(load->producer);
	watch(load, load->producer, UINT32_MAX);
	load->joining = plain;
	for (size_t i = 0; i < load->n; i++) {
		struct sub *sub = &load->subs[i];

		sub->fd = dial(load);
		if (!plain)
			load->proto->greet_subscriber(sub->fd);
		watch(load, sub->fd, (uint32_t)i);
		if (plain && ((i + 1) % load->join == 0 || i + 1 == load->n))
			probe_until_heard(load, i + 1);
	}
	if (plain)
		end_probes(load);
	load->joining = false;
}

/* --- measuring --- */

/* Data segments that came to the subscribers: on loopback, with TCP_NODELAY at the hub, one per
 * send up to 64 KiB. It costs the hub nothing to count them here. */
static uint64_t count_segments(const struct load *load)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < load->n; i++) {
		struct tcp_info info = {0};
		socklen_t len = sizeof info;

		if (getsockopt(load->subs[i].fd, IPPROTO_TCP, TCP_INFO, &info, &len))
			bench_die("TCP_INFO: %s", strerror(errno));
		sum += info.tcpi_data_segs_in;
	}
	return sum;
}

static void play(struct load *load, double seconds, uint64_t *took, struct figures *ret)
{
	uint64_t begin = bench_now_ns(), length = (uint64_t)(seconds * 1e9);

	ret->rounds = 0;
	do
		took[ret->rounds++] = play_round(load);
	while (load->latest_ns - begin < length && ret->rounds < ROUNDS_MAX);
	ret->elapsed_ns = bench_now_ns() - begin;
}

static void measure(struct load *load, struct figures *ret)
{
	uint64_t *took = malloc(ROUNDS_MAX * sizeof *took); /* untouched pages cost nothing */
	uint64_t segments, hub, hub_delay, delay, own;

	if (!took)
		bench_die("out of memory");
	play(load, load->seconds / 5, took, ret);
	bench_sleep_ms(QUIET_MS);
	segments = count_segments(load);
	hub_delay = bench_run_delay_ns(load->hub);
	delay = bench_run_delay_ns(0);
	hub = bench_cpu_ns(load->hub);
	own = bench_cpu_ns(0);
	load->idle_ns = 0;
	play(load, load->seconds, took, ret);
	ret->load_ns = bench_cpu_ns(0) - own;
	ret->load_delay_ns = bench_run_delay_ns(0) - delay;
	ret->idle_ns = load->idle_ns;
	bench_sleep_ms(QUIET_MS);
	ret->hub_ns = bench_cpu_ns(load->hub) - hub;
	ret->hub_delay_ns = bench_run_delay_ns(load->hub) - hub_delay;
	ret->segments = count_segments(load) - segments;
	while (serve(load, 0)) /* what comes now is too many, and ends the run */
		;
	bench_sort(took, ret->rounds);
	ret->p50_ns = took[ret->rounds / 2];
	ret->p99_ns = took[ret->rounds * 99 / 100];
	free(took);
}

static void report(const struct load *load, const struct figures *figures)
{
	uint64_t busy = load->spin ? figures->elapsed_ns - figures->idle_ns : figures->load_ns;

	printf("{\"void\": null, \"rounds\": %" PRIu64 ", \"deliveries\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"elapsed_ns\": %" PRIu64 ", \"hub_ns\": %" PRIu64
	       ", \"load_busy_ns\": %" PRIu64 ", \"segments\": %" PRIu64 ", \"p50_ns\": %" PRIu64
	       ", \"p99_ns\": %" PRIu64 ", \"hub_delay_ns\": %" PRIu64
	       ", \"load_delay_ns\": %" PRIu64 "}\n",
	       figures->rounds, figures->rounds * load->flight * load->n,
	       figures->rounds * load->down.len * load->n, figures->elapsed_ns, figures->hub_ns,
	       busy, figures->segments, figures->p50_ns, figures->p99_ns, figures->hub_delay_ns,
	       figures->load_delay_ns);
}

/* --- the command line --- */

static void parse(struct load *load, int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, NULL, 'p'},
						{"hub", 1, NULL, 'h'},
						{"subscribers", 1, NULL, 'n'},
						{"bytes", 1, NULL, 'b'},
						{"flight", 1, NULL, 'f'},
						{"ms", 1, NULL, 's'},
						{"proto", 1, NULL, 'P'},
						{"spin", 0, NULL, 'S'},
						{"stall-ms", 1, NULL, 't'},
						{"join", 1, NULL, 'j'},
						{0}};
	int key;

	load->proto = proto_find("plain");
	load->stall_ns = UINT64_C(10000000000);
	load->join = 200;
	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (key == 'p')
			load->port = (uint16_t)bench_number("--port", optarg, 1, 65535);
		else if (key == 'h')
			load->hub = (pid_t)bench_number("--hub", optarg, 1, INT32_MAX);
		else if (key == 'n')
			load->n = bench_number("--subscribers", optarg, 1, 19000);
		else if (key == 'b')
			load->bytes = bench_number("--bytes", optarg, MESSAGE_MIN, 65536);
		else if (key == 'f')
			load->flight = bench_number("--flight", optarg, 1, 4096);
		else if (key == 's')
			load->seconds = (double)bench_number("--ms", optarg, 0, 600000) / 1000;
		else if (key == 't')
			load->stall_ns = bench_number("--stall-ms", optarg, 1, 600000) * 1000000;
		else if (key == 'j')
			load->join = bench_number("--join", optarg, 1, 19000);
		else if (key == 'P')
			load->proto = proto_find(optarg);
		else if (key == 'S')
			load->spin = true;
		else
			exit(1);
	}
	if (!load->port || !load->hub || !load->n || !load->bytes || !load->flight)
		bench_die("--port, --hub, --subscribers, --bytes and --flight are required");
	if (load->bytes * load->flight > FLIGHT_BYTES_MAX)
		bench_die("at most %d bytes in flight", FLIGHT_BYTES_MAX);
}

int main(int argc, char **argv)
{
	struct load *load = calloc(1, sizeof *load);
	struct figures figures = {0};

	if (!load)
		bench_die("out of memory");
	parse(load, argc, argv);
	load->subs = calloc(load->n, sizeof *load->subs);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!load->subs || load->epoll < 0)
		bench_die("out of memory");
	batch_init(&load->up, load->proto, false, load->bytes, load->flight);
	batch_init(&load->down, load->proto, true, load->bytes, load->flight);
	gather_everybody(load);
	measure(load, &figures);
	report(load, &figures);
	return 0;
}
