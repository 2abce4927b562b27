/* SPDX-License-Identifier: MIT */
/*
 * One conversation: a hub with its endpoints, the peers around it, and what has to hold at its end.
 *
 * Happy path: scene_begin, add, open, peers, meet, talk; wyt_scene_end() then asks for what every scene has to show:
 * links flow again once nothing fails any more, the accounts are right, it drains, and nothing is left over.
 * Failure modes: a scene whose opening failed is over: all later calls do nothing. Claims that don't hold go to wyt_wrong().
 */
#ifndef FAULT_SCENE_H
#define FAULT_SCENE_H

#include <wye/hub.h>
#include "peer.h"
#include "seam.h"

#define SCENE_PEERS	24u
#define SCENE_ENDPOINTS 8u

struct scene {
	struct wye_loop *loop;
	struct wye_hub *hub;
	struct plan plan; /* .times 0: nothing fails */
	bool over;	  /* could not be opened, or has been closed */
	bool stays;	  /* what fails goes on failing to the end */
	bool ended, drained;
	enum wye_drain how;
	char dir[32];
	int saved[2]; /* the real descriptors 0 and 1; 0: they are in place */
	struct peer *peers[SCENE_PEERS];
	u32 n, n_endpoints, n_links;
	u64 n_dropped; /* messages, for lack of memory or room */
	struct {
		enum wye_state state;
		bool ended;
		u32 port;
	} endpoint[SCENE_ENDPOINTS];
	int patience;	/* ms that the next wait may take */
	u32 busy_turns; /* in a row in which nothing moved, nor time */
};

typedef void (*scene_fn)(struct scene *);
struct scenario {
	const char *name;
	scene_fn act;
};
extern const struct scenario wyt_scenarios[];
extern const u32 wyt_n_scenarios;

/* Runs a scenario under the plan (NULL: no fault) and gives the figures. */
void wyt_scene_run(const struct scenario *, const struct plan *, bool stays, struct figures *);

void wyt_scene_add(struct scene *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wyt_scene_open(struct scene *);
/* A peer that the hub will dial; before add. */
struct peer *wyt_scene_server(struct scene *, enum peer_kind, u32 endpoint, u64 listen_after);
void wyt_scene_clients(struct scene *, enum peer_kind, u32 endpoint, u32 n);
struct peer *wyt_scene_pipes(struct scene *, u32 endpoint, int in, int out);
void wyt_scene_look(struct scene *); /* asks the hub for states, ports, links */
bool wyt_scene_step(struct scene *); /* pumps, and a turn. True: something moved */
void wyt_scene_for(struct scene *, u64 ns);
bool wyt_scene_meet(struct scene *);
bool wyt_scene_talk(struct scene *, u32 lines);
u32 wyt_port(const struct peer *);

#endif
