/* SPDX-License-Identifier: MIT */
/*
 * The scenarios: each a short conversation that passes through one part of the library. What holds for all of them at
 * their end is asked by scene.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "scene.h"

#define RETRY "retry=10ms..50ms"

static void listener(struct scene *s)
{
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 3);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 3);
	wyt_scene_talk(s, 1);
}

static void dialler(struct scene *s)
{
	struct peer *server = wyt_scene_server(s, PEER_TCP, 1, 0);

	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_add(s, "tcp://127.0.0.1:%u," RETRY, wyt_port(server));
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 2);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 3);
	wyt_scene_talk(s, 1);
}

/* Nobody is there when it is dialled first, and the connection ends once. */
static void late(struct scene *s)
{
	struct peer *server = wyt_scene_server(s, PEER_TCP, 1, 200 * NS_PER_MS);

	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_add(s, "tcp://127.0.0.1:%u,timeout=1s," RETRY, wyt_port(server));
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 1);
	wyt_scene_for(s, 50 * NS_PER_MS);
	server->disturbed = true;
	wyt_scene_meet(s);
	wyt_scene_talk(s, 2);
	wyt_peer_again(server);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 2);
}

/* The listener finds the socket of a process that died. */
static void local(struct scene *s)
{
	struct peer *dead = wyt_scene_server(s, PEER_UNIX, 0, 0);

	wyt_peer_free(dead);
	free(dead);
	s->n = 0;
	(void)wyt_scene_server(s, PEER_UNIX, 1, 0);
	wyt_scene_add(s, "unix-listen://%s/0", s->dir);
	wyt_scene_add(s, "unix://%s/1," RETRY, s->dir);
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_UNIX, 0, 2);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 3);
	wyt_scene_talk(s, 1);
}

static void datagrams(struct scene *s)
{
	struct peer *server = wyt_scene_server(s, PEER_UDP, 1, 0);

	wyt_scene_add(s, "udp-listen://127.0.0.1:0");
	wyt_scene_add(s, "udp://127.0.0.1:%u," RETRY, wyt_port(server));
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_UDP, 0, 2);
	wyt_scene_clients(s, PEER_TCP, 2, 1);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 2);
	wyt_scene_talk(s, 2);
}

/* No host: both loopback addresses, the same port on each. */
static void both_families(struct scene *s)
{
	wyt_scene_add(s, "tcp-listen://:0");
	wyt_scene_add(s, "udp-listen://:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 2);
	wyt_scene_clients(s, PEER_UDP, 1, 1);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 2);
}

/* Descriptors 0 and 1 until the scene is closed. */
static void put_standard(struct scene *s, int in, int out)
{
	s->saved[0] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	s->saved[1] = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		abort();
	close(in);
	close(out);
}

static void pipes(struct scene *s)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		abort();
	put_standard(s, in[0], out[1]);
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	(void)wyt_scene_pipes(s, 0, out[0], in[1]);
	wyt_scene_add(s, "-");
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 1, 2);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 3);
	wyt_scene_talk(s, 1);
}

/* What is in the file at the start is said by the peer that reads the other one. */
static void files(struct scene *s)
{
	struct peer *server = wyt_scene_server(s, PEER_TCP, 1, 0), *p;
	char path[64];
	int in, out, fill, look;

	snprintf(path, sizeof path, "%s/in", s->dir);
	fill = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	in = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/out", s->dir);
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	look = open(path, O_RDONLY | O_CLOEXEC);
	if (fill < 0 || in < 0 || out < 0 || look < 0)
		abort();
	put_standard(s, in, out);
	p = wyt_scene_pipes(s, 0, look, fill);
	p->is_file = p->disturbed = true;
	wyt_peer_say(p, 20);
	(void)wyt_peer_pump(p);
	wyt_peer_end(p);
	wyt_scene_add(s, "-");
	wyt_scene_add(s, "tcp://127.0.0.1:%u," RETRY, wyt_port(server));
	wyt_scene_open(s);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 3);
	wyt_scene_talk(s, 1);
}

static void once(struct scene *s)
{
	struct peer *server = wyt_scene_server(s, PEER_TCP, 1, 0);
	u64 until;

	s->how = WYE_DRAIN_END;
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0,once");
	wyt_scene_add(s, "tcp://127.0.0.1:%u," RETRY, wyt_port(server));
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 1);
	if (s->over)
		return;
	s->peers[1]->lone = true;
	wyt_scene_meet(s);
	wyt_scene_talk(s, 3);
	wyt_peer_end(s->peers[1]);
	until = wyt_seam_now() + 5 * NS_PER_S;
	while (!s->over && !s->ended && wyt_seam_now() < until)
		wyt_scene_step(s);
	if (!s->over && !s->ended && s->plan.times == 0)
		wyt_wrong("on_ended did not come");
}

/* One says more than pipes and queue hold, while another does not read. */
static void pour(struct scene *s, u32 lines)
{
	struct peer *from, *to;
	u64 until = wyt_seam_now() + 5 * NS_PER_S;

	if (s->over)
		return;
	from = s->peers[0];
	to = s->peers[1];
	from->line = 900;
	to->slow = true;
	while (!s->over && from->sent < lines && from->conn && wyt_seam_now() < until) {
		wyt_peer_say(from, 20);
		wyt_scene_step(s);
	}
	wyt_scene_for(s, 100 * NS_PER_MS);
	to->slow = false;
	from->line = 1;
	wyt_scene_talk(s, 1);
}

static void blocked(struct scene *s)
{
	wyt_scene_add(s, "unix-listen://%s/0,full=block,queue=8k,max-message=1k", s->dir);
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_UNIX, 0, 2);
	wyt_scene_meet(s);
	pour(s, 300);
}

static void lagging(struct scene *s)
{
	wyt_scene_add(s, "unix-listen://%s/0,full=drop,queue=8k,max-message=1k", s->dir);
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_UNIX, 0, 3);
	wyt_scene_meet(s);
	if (!s->over)
		s->peers[1]->disturbed = true; /* may miss lines, by no fault */
	pour(s, 300);
}

static void half_close(struct scene *s)
{
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 3);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 1);
	if (s->over)
		return;
	wyt_peer_end(s->peers[0]);
	wyt_scene_talk(s, 2);
	wyt_peer_end(s->peers[1]);
	wyt_scene_talk(s, 2);
}

static void leaving(struct scene *s)
{
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0,max=20");
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 0, 12);
	wyt_scene_clients(s, PEER_TCP, 1, 2);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 1);
	for (u32 i = 0; !s->over && i < 9; i++) {
		wyt_peer_leave(s->peers[i], i & 1);
		if (i % 3 == 0)
			wyt_scene_talk(s, 1);
	}
	wyt_scene_talk(s, 1);
}

static void names(struct scene *s)
{
	struct peer *server = wyt_scene_server(s, PEER_TCP, 0, 0);

	wyt_scene_add(s, "tcp://localhost:%u," RETRY, wyt_port(server));
	wyt_scene_add(s, "tcp-listen://127.0.0.1:0");
	wyt_scene_open(s);
	wyt_scene_clients(s, PEER_TCP, 1, 1);
	wyt_scene_meet(s);
	wyt_scene_talk(s, 2);
}

const struct scenario wyt_scenarios[] = {
	{"listener", listener}, {"dialler", dialler},	  {"late", late},
	{"local", local},	{"datagrams", datagrams}, {"both-families", both_families},
	{"pipes", pipes},	{"files", files},	  {"once", once},
	{"blocked", blocked},	{"lagging", lagging},	  {"half-close", half_close},
	{"leaving", leaving},	{"names", names},
};
const u32 wyt_n_scenarios = ARRAY_SIZE(wyt_scenarios);
