/* SPDX-License-Identifier: MIT */
/*
 * What a person types to name an endpoint:
 *
 *     "-" / scheme "://" target *( ("," / "?" / "&") key ["=" value] ) ["#" name]
 *
 * Sans-I/O: nothing is opened or looked up. The parsed struct is the options struct of the
 * endpoint. Adding a key: one row in url_keys.c (name, type, the kinds it fits, bounds), one field
 * and KEY_ here.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <wye/error.h>
#include "base/types.h"

enum scheme {
	URL_STDIO,
	URL_TCP,
	URL_TCP_LISTEN,
	URL_UNIX,
	URL_UNIX_LISTEN,
	URL_UDP,
	URL_UDP_LISTEN,
	URL_SCHEMES
};
#define URL_BIT(scheme)	     (1u << (scheme))
#define URL_STREAM_LISTENERS (URL_BIT(URL_TCP_LISTEN) | URL_BIT(URL_UNIX_LISTEN))
#define URL_LISTENERS	     (URL_STREAM_LISTENERS | URL_BIT(URL_UDP_LISTEN))
#define URL_DIALLERS	     (URL_BIT(URL_TCP) | URL_BIT(URL_UNIX) | URL_BIT(URL_UDP))
#define URL_DATAGRAM	     (URL_BIT(URL_UDP) | URL_BIT(URL_UDP_LISTEN))

enum frame { FRAME_LINE, FRAME_RAW, FRAME_LEN32, FRAME_DGRAM };
enum eol { EOL_KEEP, EOL_STRIP, EOL_CRLF };
enum full { FULL_AUTO, FULL_DROP, FULL_BLOCK, FULL_CLOSE };
enum dir { DIR_BOTH, DIR_IN, DIR_OUT };

enum key {
	KEY_DIR,
	KEY_FRAME,
	KEY_EOL,
	KEY_MAX_MESSAGE,
	KEY_RETRY,
	KEY_TIMEOUT,
	KEY_QUEUE,
	KEY_FULL,
	KEY_STALL,
	KEY_HOLD,
	KEY_UNSENT,
	KEY_MAX,
	KEY_IDLE,
	KEY_ONCE,
	KEYS
};

struct url {
	enum scheme scheme;
	/* 1 << KEY_x for each key that was typed; the others hold the scheme's default. */
	u32 typed;
	char name[33];	/* "#name", or "" */
	char host[254]; /* numeric or a name, no brackets, zone included; "" = loopback; "any" */
	u16 port;
	char path[108]; /* unix kinds: unescaped; "@name" is abstract */
	enum dir dir;
	enum frame frame; /* FRAME_DGRAM on datagram kinds */
	enum eol eol;
	enum full full;
	bool once, hold;
	bool retry_off;
	u64 retry_min, retry_max, timeout, stall, idle; /* ns; stall, idle: 0 = off */
	u32 max_message, queue, unsent, max; /* bytes, bytes, bytes, links (0: no bound but fds) */
};

/* 0, or WYE_EURL with where, found, wanted; *ret is then untouched. */
int wyi_url_parse(struct url *ret, const char *text, struct wye_error *e);
#define URL_TEXT 1024 /* room for any canonical form */
/*
 * The canonical form: scheme, target, the keys that were typed, name. Parses back to the same.
 * Answers out.
 */
char *wyi_url_print(const struct url *, char *out, size_t size);
const char *wyi_scheme_name(enum scheme);

/* The nearest of n words (NULL: none is near) by edit distance. For "did you mean". */
const char *wyi_nearest(const char *word, const char *const words[], unsigned n);

#endif
