/* SPDX-License-Identifier: MIT */
/*
 * wye/hub.h: joins endpoints, each named by a URL: what arrives at one goes to the others.
 *
 * The way: wye_hub_new(), wye_hub_add() for each URL (checks it, opens nothing), wye_hub_open(),
 * then run the loop. When the endpoints that can end have all ended, on_ended() is called once;
 * answer it with wye_hub_drain() and leave when on_drained() comes.
 *
 * Every call is for the loop's thread. A URL is the options struct of its endpoint.
 */
#ifndef WYE_HUB_H
#define WYE_HUB_H

#include <stdbool.h>
#include <wye/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wye_hub;

/*
 * Why a message did not arrive. Every drop has one cause. Nothing counts loop, duplicate and
 * nospace so far: they are for kinds of endpoints to come.
 */
enum wye_cause {
	WYE_DROP_FULL,	      /* the sink's feed had no room, or its reader fell behind */
	WYE_DROP_TOO_BIG,     /* longer than the sink's max-message, or than a datagram */
	WYE_DROP_EMPTY,	      /* length 0 where that is no message */
	WYE_DROP_LOOP,	      /* came back to where it started */
	WYE_DROP_DUPLICATE,   /* was heard before */
	WYE_DROP_CORRUPT,     /* failed its checksum, or its framing */
	WYE_DROP_MEMORY,      /* no memory */
	WYE_DROP_STALLED,     /* waited for a link that was closed by `stall` */
	WYE_DROP_DOWN,	      /* the sink was down and did not keep it */
	WYE_DROP_NOSPACE,     /* a full disk */
	WYE_DROP_UNREACHABLE, /* the kernel refused the datagram */
	WYE_DROP_CAUSES
};
WYE_API const char *wye_cause_name(enum wye_cause);

/* How a sink's feed behaves when it is full; `auto` has been resolved. */
enum wye_mode { WYE_MODE_DROP, WYE_MODE_BLOCK, WYE_MODE_CLOSE };

enum wye_state {
	WYE_OPENING, /* not open yet, or between two attempts */
	WYE_UP,	     /* listening, or connected */
	WYE_ENDED,   /* will not speak again; still a sink if it has links */
	WYE_FAILED   /* given up */
};

struct wye_endpoint_info {
	size_t size;		/* set by the library: what it filled */
	const char *name, *url; /* canonical, with the real port */
	enum wye_state state;
	enum wye_mode mode;
	int why; /* why it is not up: 0 or an error */
	bool can_end, ended;
	unsigned links;
	uint64_t links_ever, refused;	   /* links that came; newcomers refused (max, no memory) */
	uint64_t received, received_bytes; /* messages and bytes from its peers */
	uint64_t not_routed[WYE_DROP_CAUSES]; /* received, but never routed: empty, too-big, ... */
	uint64_t discarded_bytes;	      /* read from a dir=out endpoint */
	uint64_t split; /* messages written to a `line` sink with a newline inside */
	/* The feed. routed = written + dropped + lost + waiting, always. */
	uint64_t routed, written, written_bytes, lost, waiting;
	uint64_t overdue; /* of the waiting: given up, and their readers have not noticed */
	uint64_t dropped[WYE_DROP_CAUSES];
	uint64_t held_bytes;	  /* memory of the feed's messages */
	uint64_t unwritten_bytes; /* fed and not written, over all its links, ended ones too */
	uint64_t unreachable;	  /* written datagrams; the other host said that nobody listens */
	uint64_t nobuf;		  /* datagrams the kernel dropped before we read them */
};

struct wye_hub_options {
	size_t size; /* sizeof(struct wye_hub_options) */
	/* Once: all endpoints that can end have ended. */
	void (*on_ended)(struct wye_hub *, void *ctx);
	/* A required endpoint can't go on. */
	void (*on_failed)(struct wye_hub *, const char *endpoint, int why, void *ctx);
	void *ctx;
};

WYE_API int wye_hub_new(struct wye_loop *, const struct wye_hub_options *,
			struct wye_hub **ret_hub);
/*
 * Checks the URL and takes it in; opens nothing. Its number (0, 1, ...), or WYE_EURL and the
 * reason.
 */
WYE_API int wye_hub_add(struct wye_hub *, const char *url, struct wye_error *ret_why);
/* Opens what was added. 0, or the first error: nothing of the failed endpoint stays open. */
WYE_API int wye_hub_open(struct wye_hub *, struct wye_error *ret_why);
/*
 * Ends the conversation in order: no new links and, with how = WYE_DRAIN_STOP, no further reading;
 * what is fed is written out; streams are half-closed; with WYE_DRAIN_END answers are still routed
 * until linger_ms passed in silence. on_drained() comes once, with the bytes that could not be
 * written (a sink that is down for its `timeout`, or that moves no byte for 10 s, is given up; with
 * WYE_DRAIN_STOP the whole takes at most limit_ms).
 */
enum wye_drain { WYE_DRAIN_END, WYE_DRAIN_STOP };
WYE_API int wye_hub_drain(struct wye_hub *, enum wye_drain how, unsigned linger_ms,
			  unsigned limit_ms,
			  void (*on_drained)(struct wye_hub *, uint64_t unwritten_bytes, void *ctx),
			  void *ctx);
/*
 * Calls each() for every endpoint in the order they were added, until it answers non-zero; answers
 * that.
 */
WYE_API int wye_hub_each(struct wye_hub *, int (*each)(const struct wye_endpoint_info *, void *ctx),
			 void *ctx);
/* Closes everything at once. NULL is fine; not from inside a callback of the hub. */
WYE_API void wye_hub_free(struct wye_hub *);

#ifdef __cplusplus
}
#endif
#endif
