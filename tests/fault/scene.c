/* SPDX-License-Identifier: MIT */
/* See scene.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "scene.h"

#define TALK_NS	   (5 * NS_PER_S)
#define MEET_NS	   (5 * NS_PER_S)
#define ALIVE_NS   (60 * NS_PER_S)
#define DRAIN_NS   (60 * NS_PER_S)
#define BUSY_TURNS 2000u
#define MOST_MS	   200

static bool fails(const struct scene *s)
{
	return s->plan.times != 0;
}

static bool is_transient(const struct scene *s)
{
	return s->plan.times == 1;
}

/* The kernel "said" that a peer ended its output, and the peer knows nothing of it. */
static bool is_lied_to(const struct scene *s)
{
	return s->plan.what == F_END && (s->plan.kind == K_recv || s->plan.kind == K_read);
}

/* Of two addresses one may be left out; the peers dial only one. */
static bool is_left_out(const struct scene *s)
{
	return s->plan.what == EAFNOSUPPORT ||
	       (s->plan.kind == K_bind && s->plan.what == EADDRNOTAVAIL);
}

/* -- the hub --------------------------------------------------------------------------------------------------------------- */
static void on_ended(struct wye_hub *hub, void *ctx)
{
	struct scene *s = ctx;

	(void)hub;
	s->ended = true;
}

static void on_drained(struct wye_hub *hub, uint64_t unwritten, void *ctx)
{
	struct scene *s = ctx;

	(void)hub;
	(void)unwritten;
	s->drained = true;
}

/* Fails only where something was made to fail. */
static void check_open(struct scene *s, int r, const char *what)
{
	if (r >= 0)
		return;
	s->over = true;
	if (!fails(s))
		wyt_wrong("%s: %s", what, wye_strerror(r));
}

static void begin(struct scene *s)
{
	struct wye_hub_options options = {.size = sizeof options, .on_ended = on_ended, .ctx = s};

	snprintf(s->dir, sizeof s->dir, "/tmp/wye-fault-XXXXXX");
	if (!mkdtemp(s->dir))
		abort();
	s->patience = 1;
	check_open(s, wye_loop_new(NULL, &s->loop), "loop");
	if (!s->over)
		check_open(s, wye_hub_new(s->loop, &options, &s->hub), "hub");
}

void wyt_scene_add(struct scene *s, const char *format, ...)
{
	char url[256];
	va_list args;

	if (s->over)
		return;
	va_start(args, format);
	vsnprintf(url, sizeof url, format, args);
	va_end(args);
	check_open(s, wye_hub_add(s->hub, url, NULL), url);
	s->n_endpoints++;
}

static int look_at(const struct wye_endpoint_info *info, void *ctx)
{
	struct scene *s = ctx;
	const char *colon = strrchr(info->url, ':');
	u64 sum = info->written + info->lost + info->waiting;

	for (u32 i = 0; i < WYE_DROP_CAUSES; i++)
		sum += info->dropped[i];
	s->n_dropped += info->dropped[WYE_DROP_MEMORY] + info->dropped[WYE_DROP_FULL];
	if (sum != info->routed)
		wyt_wrong("%s: %llu routed, %llu found", info->name,
			  (unsigned long long)info->routed, (unsigned long long)sum);
	s->endpoint[s->n_endpoints].state = info->state;
	s->endpoint[s->n_endpoints].ended = info->ended;
	s->endpoint[s->n_endpoints++].port = colon ? (u32)strtol(colon + 1, NULL, 10) : 0;
	s->n_links += info->links;
	return 0;
}

void wyt_scene_look(struct scene *s)
{
	if (s->over)
		return;
	s->n_endpoints = s->n_links = 0;
	s->n_dropped = 0;
	(void)wye_hub_each(s->hub, look_at, s);
}

void wyt_scene_open(struct scene *s)
{
	struct wye_error why = {.text = ""};

	if (s->over)
		return;
	check_open(s, wye_hub_open(s->hub, &why), "open");
	wyt_scene_look(s);
}

/* -- peers ------------------------------------------------------------------------------------------------------------------- */
static struct peer *new_peer(struct scene *s, enum peer_kind kind, u32 endpoint)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p || s->n == SCENE_PEERS)
		abort();
	p->kind = kind;
	p->endpoint = endpoint;
	p->listener = p->in = p->out = -1;
	p->line = 1;
	if (kind == PEER_UNIX) {
		p->at.un.sun_family = AF_UNIX;
		snprintf(p->at.un.sun_path, sizeof p->at.un.sun_path, "%s/%u", s->dir, endpoint);
		p->at_len = sizeof p->at.un;
	} else {
		p->at.in.sin_family = AF_INET;
		p->at.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		p->at_len = sizeof p->at.in;
	}
	s->peers[s->n++] = p;
	return p;
}

u32 wyt_port(const struct peer *p)
{
	return ntohs(p->at.in.sin_port);
}

struct peer *wyt_scene_server(struct scene *s, enum peer_kind kind, u32 endpoint, u64 listen_after)
{
	struct peer *p = new_peer(s, kind, endpoint);

	wyt_peer_serve(p, listen_after ? wyt_seam_now() + listen_after : 0);
	return p;
}

void wyt_scene_clients(struct scene *s, enum peer_kind kind, u32 endpoint, u32 n)
{
	for (u32 i = 0; !s->over && i < n; i++) {
		struct peer *p = new_peer(s, kind, endpoint);

		if (kind != PEER_UNIX)
			p->at.in.sin_port = htons((u16)s->endpoint[endpoint].port);
	}
}

struct peer *wyt_scene_pipes(struct scene *s, u32 endpoint, int in, int out)
{
	struct peer *p = new_peer(s, PEER_PIPES, endpoint);

	wyt_peer_pipes(p, in, out);
	return p;
}

/* -- turns ---------------------------------------------------------------------------------------------------------------------- */
bool wyt_scene_step(struct scene *s)
{
	struct figures f;
	bool moved = false;
	u64 idle;
	int r;

	for (u32 i = 0; i < s->n; i++)
		moved |= wyt_peer_pump(s->peers[i]);
	wyt_seam_figures(&f);
	idle = f.idle_waits;
	r = wye_loop_turn(s->loop, moved ? 0 : s->patience);
	if (r < 0)
		wyt_wrong("a turn failed: %s", wye_strerror(r));
	wyt_seam_figures(&f);
	if (f.idle_waits != idle) {
		s->patience = s->patience * 2 < MOST_MS ? s->patience * 2 : MOST_MS;
		s->busy_turns = 0;
	} else if (moved) {
		s->patience = 1;
		s->busy_turns = 0;
	} else if (++s->busy_turns == BUSY_TURNS) {
		wyt_wrong("the loop spins");
		s->over = true;
	}
	return moved;
}

void wyt_scene_for(struct scene *s, u64 ns)
{
	u64 until = wyt_seam_now() + ns;

	while (!s->over && wyt_seam_now() < until)
		wyt_scene_step(s);
}

/* Belongs to an endpoint that still takes part. */
static bool takes_part(const struct scene *s, const struct peer *p)
{
	enum wye_state state = s->endpoint[p->endpoint].state;

	return !p->left && state != WYE_FAILED && !(state == WYE_ENDED && p->lone) &&
	       !(p->kind == PEER_PIPES && !p->conn);
}

static bool all_here(struct scene *s)
{
	u32 wanted = 0;

	wyt_scene_look(s);
	for (u32 i = 0; i < s->n; i++) {
		if (!takes_part(s, s->peers[i]))
			continue;
		if (!s->peers[i]->conn)
			return false;
		wanted++;
	}
	return s->n_links >= wanted;
}

/* Everybody is connected, and the hub knows. */
bool wyt_scene_meet(struct scene *s)
{
	u64 until = wyt_seam_now() + MEET_NS;

	for (u32 i = 0; i < s->n; i++)
		if (s->peers[i]->kind == PEER_UDP)
			wyt_peer_say(s->peers[i], 1);
	while (!s->over && !all_here(s)) {
		if (wyt_seam_now() > until) {
			if (!fails(s))
				wyt_wrong("not all have met");
			return false;
		}
		for (u32 i = 0; i < s->n; i++)
			if (s->peers[i]->kind == PEER_UDP && s->peers[i]->sent == 0)
				wyt_peer_say(s->peers[i], 1);
		wyt_scene_step(s);
	}
	for (u32 i = 0; i < s->n; i++)
		for (u32 k = 0; k < s->n; k++)
			if (s->peers[i]->conn && s->peers[k]->conn)
				wyt_peer_meets(s->peers[i], s->peers[k]);
	return !s->over;
}

static bool hears(const struct scene *s, const struct peer *b, const struct peer *a)
{
	return a != b && takes_part(s, a) && takes_part(s, b) && a->conn && b->conn && !b->slow &&
	       !a->left && !b->left;
}

/* The first that has not heard the last line of somebody, and whose; NULL: nobody. */
static const struct peer *who_waits(const struct scene *s, const struct peer **ret_for)
{
	for (u32 i = 0; i < s->n; i++)
		for (u32 k = 0; k < s->n; k++) {
			*ret_for = s->peers[k];
			if (hears(s, s->peers[i], s->peers[k]) &&
			    !(fails(s) && s->peers[k]->mute) && /* can't say it again */
			    !wyt_peer_heard(s->peers[i], s->peers[k]))
				return s->peers[i];
		}
	return NULL;
}

bool wyt_scene_talk(struct scene *s, u32 lines)
{
	u64 until = wyt_seam_now() + TALK_NS;
	const struct peer *b, *a;

	if (s->over)
		return false;
	for (u32 i = 0; i < s->n; i++)
		wyt_peer_say(s->peers[i], lines);
	while (!s->over && (b = who_waits(s, &a))) {
		if (wyt_seam_now() > until) {
			if (!fails(s))
				wyt_wrong("connection %u heard of %u up to line %u, not %u",
					  b->conn, a->conn, b->last[a->conn], a->sent);
			return false;
		}
		wyt_scene_step(s);
	}
	return !s->over;
}

/* -- what has to hold at the end ---------------------------------------------------------------------------------------------- */
static void check_flow(struct scene *s)
{
	u64 until = wyt_seam_now() + ALIVE_NS;

	if (is_lied_to(s))
		for (u32 i = 0; i < s->n; i++)
			if (s->peers[i]->kind != PEER_PIPES && !s->peers[i]->serves &&
			    !s->peers[i]->left)
				wyt_peer_again(s->peers[i]);
	while (!s->over && !is_left_out(s) && wyt_seam_now() < until)
		if (wyt_scene_meet(s) && wyt_scene_talk(s, 1))
			return;
	if (!s->over && !is_lied_to(s) && !is_left_out(s))
		wyt_wrong("the links do not flow again");
}

static bool was_steady(const struct peer *p)
{
	return !p->disturbed && p->kind != PEER_UDP;
}

/* Who was not cut off has heard all of everybody who was not; but for what is counted as dropped. */
static void check_others(struct scene *s)
{
	u32 cuts = 0;
	u64 missing = 0;

	wyt_scene_look(s);
	for (u32 i = 0; i < s->n; i++) {
		struct peer *b = s->peers[i];

		cuts += b->cuts;
		for (u32 k = 0; k < s->n; k++) {
			struct peer *a = s->peers[k];

			if (!hears(s, b, a) || !was_steady(a) || !was_steady(b))
				continue;
			missing += wyt_peer_missed(b, a);
			if (missing > s->n_dropped)
				wyt_wrong("connection %u missed %u of %u lines of connection %u",
					  b->conn, wyt_peer_missed(b, a), a->sent, a->conn);
		}
	}
	/* Who waits when a listener runs out of descriptors is refused: all of them. */
	if (cuts > 1 && s->plan.kind != K_accept)
		wyt_wrong("one fault closed %u links", cuts);
}

static void drain(struct scene *s)
{
	u64 until = wyt_seam_now() + DRAIN_NS;
	int r = wye_hub_drain(s->hub, s->how, 50, 5000, on_drained, s);

	if (r < 0)
		wyt_wrong("drain: %s", wye_strerror(r));
	while (!s->over && !s->drained && wyt_seam_now() < until)
		wyt_scene_step(s);
	if (!s->over && !s->drained)
		wyt_wrong("the drain hangs");
	wyt_scene_look(s);
}

static void close_all(struct scene *s)
{
	u64 begun = wyt_seam_now();

	wye_hub_free(s->hub);
	while (s->loop && wye_loop_free(s->loop) == -EBUSY) {
		(void)wye_loop_turn(s->loop, 10);
		if (wyt_seam_now() - begun > 600 * NS_PER_S) {
			wyt_wrong("the loop stays in use");
			break;
		}
	}
	for (u32 i = 0; i < s->n; i++) {
		wyt_peer_free(s->peers[i]);
		free(s->peers[i]);
	}
	for (int fd = 0; fd < 2 && s->saved[fd]; fd++) {
		if (dup2(s->saved[fd], fd) < 0)
			abort();
		close(s->saved[fd]);
	}
}

/* What the library leaves in the directory is wrong only where it was let unlink it. */
static void remove_dir(struct scene *s)
{
	static const char *const names[] = {"0", "0.lock", "1", "1.lock", "in", "out"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool is_lock = strstr(names[i], ".lock");

		snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
		if (unlink(path) == 0 && is_lock && !fails(s))
			wyt_wrong("%s was left", path);
	}
	if (rmdir(s->dir) < 0)
		wyt_wrong("%s: %s", s->dir, strerror(errno));
}

static void check_rest(const struct figures *f)
{
	if (f->fds)
		wyt_wrong("%lld descriptors leaked", (long long)f->fds);
	if (f->bytes)
		wyt_wrong("%lld bytes leaked", (long long)f->bytes);
	if (f->wrong_closes)
		wyt_wrong("%llu descriptors closed that were not open",
			  (unsigned long long)f->wrong_closes);
	if (f->threads)
		wyt_wrong("%d threads left", f->threads);
}

void wyt_scene_run(const struct scenario *scenario, const struct plan *plan, bool stays,
		   struct figures *ret)
{
	struct scene s = {.stays = stays, .how = WYE_DRAIN_STOP};

	if (plan)
		s.plan = *plan;
	wyt_peers_reset();
	wyt_seam_begin(plan);
	begin(&s);
	scenario->act(&s);
	if (!is_transient(&s) && !s.stays)
		wyt_seam_stop();
	if (!s.over && !s.stays)
		check_flow(&s);
	if (!s.over && is_transient(&s) && !is_lied_to(&s) && !is_left_out(&s))
		check_others(&s);
	if (!s.over)
		drain(&s);
	close_all(&s);
	wyt_seam_end();
	wyt_seam_figures(ret);
	check_rest(ret);
	remove_dir(&s);
}
