/* SPDX-License-Identifier: MIT */
/*
 * wye/error.h: what can go wrong, and how it is said.
 *
 * Functions answer an int: >= 0 is success, a negative number is an error: -errno of the
 * kernel's, or one of the WYE_E* below (all under -4096, so the two never meet). Functions that
 * take something a person typed also fill a struct wye_error, in the caller's memory, with a text
 * that says where, what was found and what was wanted.
 */
#ifndef WYE_ERROR_H
#define WYE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WYE_API __attribute__((visibility("default")))
#else
#define WYE_API
#endif

/* Each keeps its number for ever; none is used again. */
enum wye_code {
	WYE_EGONE = -4097,    /* the link has ended */
	WYE_ETHREAD = -4098,  /* called from another thread than the loop's */
	WYE_EFULL = -4099,    /* a bound is reached; nothing was taken */
	WYE_ESILENT = -4100,  /* the peer said nothing for too long */
	WYE_EFRAME = -4101,   /* the peer broke the framing: a message over max-message */
	WYE_EBYE = -4102,     /* the peer said BYE */
	WYE_ERESOLVE = -4103, /* a host name has no address */
	WYE_EURL = -4104,     /* a URL that can't be understood */
	WYE_ESTALLED = -4105, /* a reader moved no byte for `stall` while sources waited for it */
	WYE_ESLOW = -4106,    /* full=close: a reader fell behind by more than the queue */
	WYE_ESELF = -4107,    /* a dialler met itself (TCP simultaneous open) */
	WYE_EOWNED = -4108,   /* the path is in use by a live process */
	WYE_EIDLE = -4109,    /* closed after `idle` of silence */
	WYE_EMAX = -4110,     /* `max` links are open already */
	WYE_ESTOP = -4111,    /* we are shutting down */
	WYE_EEND = -4112,     /* the peer ended the conversation in order */
};

struct wye_error {
	int code;	/* the value the function answered */
	unsigned at;	/* offset in the typed text, where there is one */
	char text[248]; /* one line, no newline: where, what was found, what was wanted */
};

/* The text for any value a wye function answers. Static; any thread. */
WYE_API const char *wye_strerror(int code);

#ifdef __cplusplus
}
#endif
#endif
