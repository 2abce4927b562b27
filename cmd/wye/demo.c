/* SPDX-License-Identifier: MIT */
/*
 * The demo. Happy path: four endpoints open at the first try. Failure: a taken port or a path that
 * a live process owns moves that endpoint to its next place and all is opened anew, at most TRIES
 * times; any other error is the caller's to report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "demo.h"

enum { FIRST_PORT = 7000, TRIES = 200, PATH_SPACE = 108 }; /* sun_path */

enum demo_endpoint { DEMO_TCP, DEMO_UDP, DEMO_UNIX, DEMO_STDIO, DEMO_ENDPOINTS };

struct places {
	unsigned tcp, udp, nth; /* ports; number of the Unix socket's name */
};

struct seen {
	unsigned n, up; /* endpoints looked at; those that are up before the first that is not */
};

static int count_up(const struct wye_endpoint_info *info, void *ctx)
{
	struct seen *seen = ctx;
	if (seen->up == seen->n && info->state == WYE_UP)
		seen->up++;
	seen->n++;
	return 0;
}

/* XDG_RUNTIME_DIR where it is set and short, else /tmp with the user's number. */
static void unix_path(char *out, size_t size, unsigned nth)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char suffix[16] = "";

	if (nth > 0)
		snprintf(suffix, sizeof(suffix), "-%u", nth + 1);
	int n = dir && dir[0] == '/' ? snprintf(out, size, "%s/wye-demo%s.sock", dir, suffix) : -1;
	if (n < 0 || n >= PATH_SPACE || access(dir, W_OK) < 0)
		snprintf(out, size, "/tmp/wye-demo-%u%s.sock", (unsigned)getuid(), suffix);
}

/* A path as a URL's target: what would end it there is escaped. */
static void escape(char *out, size_t size, const char *path)
{
	size_t n = 0;
	for (; *path && n + 4 < size; path++) {
		if (strchr(",?#%", *path))
			n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*path);
		else
			out[n++] = *path;
	}
	out[n] = 0;
}

static int open_at(struct wye_hub *hub, const struct places *at, struct wye_error *why)
{
	char path[256], target[3 * sizeof(path)], url[DEMO_ENDPOINTS][sizeof(target) + 32];

	unix_path(path, sizeof(path), at->nth);
	escape(target, sizeof(target), path);
	snprintf(url[DEMO_TCP], sizeof(url[0]), "tcp-listen://:%u#tcp", at->tcp);
	snprintf(url[DEMO_UDP], sizeof(url[0]), "udp-listen://:%u#udp", at->udp);
	snprintf(url[DEMO_UNIX], sizeof(url[0]), "unix-listen://%s#unix", target);
	snprintf(url[DEMO_STDIO], sizeof(url[0]), "-#here");
	for (int i = 0; i < DEMO_ENDPOINTS; i++) {
		int r = wye_hub_add(hub, url[i], why);
		if (r < 0)
			return r;
	}
	return wye_hub_open(hub, why);
}

/* Moves what is in the way to its next place; false: nothing can be moved. */
static bool move(struct places *at, struct wye_hub *hub, int why)
{
	struct seen seen = {0};

	if (why != -EADDRINUSE && why != WYE_EOWNED)
		return false;
	(void)wye_hub_each(hub, count_up, &seen);
	switch (seen.up) {
	case DEMO_TCP:
		at->tcp++;
		break;
	case DEMO_UDP:
		at->udp++;
		break;
	case DEMO_UNIX:
		at->nth++;
		break;
	default:
		return false;
	}
	return at->tcp <= UINT16_MAX && at->udp <= UINT16_MAX;
}

int demo_open(struct wye_loop *loop, const struct wye_hub_options *options,
	      struct wye_hub **ret_hub, struct wye_error *ret_why)
{
	struct places at = {.tcp = FIRST_PORT, .udp = FIRST_PORT + 1};

	for (int tries = 0;; tries++) {
		struct wye_hub *hub;
		int r = wye_hub_new(loop, options, &hub);
		if (r < 0) {
			*ret_why = (struct wye_error){.code = r};
			snprintf(ret_why->text, sizeof(ret_why->text), "%s", wye_strerror(r));
			return r;
		}
		r = open_at(hub, &at, ret_why);
		if (r >= 0) {
			*ret_hub = hub;
			return 0;
		}
		bool again = tries < TRIES && move(&at, hub, r);
		wye_hub_free(hub);
		if (!again)
			return r;
	}
}

/* Where in the canonical URL the target begins, and its length. */
static const char *target_of(const char *url, int *ret_len)
{
	const char *target = strstr(url, "://");
	target = target ? target + 3 : url;
	*ret_len = (int)strcspn(target, ",?#");
	return target;
}

static void unescape(char *out, size_t size, const char *text, int len)
{
	size_t n = 0;
	for (int i = 0; i < len && n + 1 < size; i++) {
		if (text[i] == '%' && i + 2 < len) {
			const char hex[3] = {text[i + 1], text[i + 2], 0};
			out[n++] = (char)strtoul(hex, NULL, 16);
			i += 2;
		} else {
			out[n++] = text[i];
		}
	}
	out[n] = 0;
}

static int describe(const struct wye_endpoint_info *info, void *ctx)
{
	int len;
	const char *target = target_of(info->url, &len);
	const char *port = memrchr(target, ':', (size_t)len);
	char path[256];
	(void)ctx;

	if (strcmp(info->name, "tcp") == 0 && port) {
		fprintf(stderr, "  TCP   nc 127.0.0.1 %.*s\n", len - (int)(port + 1 - target),
			port + 1);
		fprintf(stderr, "        socat - TCP:127.0.0.1:%.*s\n",
			len - (int)(port + 1 - target), port + 1);
	} else if (strcmp(info->name, "udp") == 0 && port) {
		fprintf(stderr,
			"  UDP   nc -u 127.0.0.1 %.*s          (hears the others after its first "
			"line)\n",
			len - (int)(port + 1 - target), port + 1);
		fprintf(stderr, "        socat - UDP:127.0.0.1:%.*s\n",
			len - (int)(port + 1 - target), port + 1);
	} else if (strcmp(info->name, "unix") == 0) {
		unescape(path, sizeof(path), target, len);
		fprintf(stderr, "  Unix  nc -U '%s'\n", path);
		fprintf(stderr, "        socat - 'UNIX:%s'\n", path);
	}
	return 0;
}

void demo_page(struct wye_hub *hub)
{
	fputs("This is wye: what arrives at one of its ends goes to all the others.\n"
	      "Open a terminal or two more and start some of these in them:\n\n",
	      stderr);
	(void)wye_hub_each(hub, describe, NULL);
	fputs("\nA line typed in any of them, or here, comes out of all the others. Ctrl-C "
	      "ends.\n\n",
	      stderr);
}
