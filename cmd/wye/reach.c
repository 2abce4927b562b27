/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "reach.h"

struct reach {
	const char *lost;	 /* whose output is gone */
	unsigned sources, sinks; /* endpoints */
	unsigned both;		 /* endpoints that are a source and a sink */
	bool crowd;		 /* a listener whose links hear each other */
};

static bool has(const char *url, const char *key)
{
	size_t n = strlen(key);
	for (const char *at = strpbrk(url, ",?&"); at; at = strpbrk(at + 1, ",?&"))
		if (strncmp(at + 1, key, n) == 0 && strchr(",?&#", at[1 + n]))
			return true;
	return false;
}

static int look(const struct wye_endpoint_info *info, void *ctx)
{
	struct reach *reach = ctx;
	bool stdio = info->url[0] == '-';
	/* Standard input that can't end is /dev/null: nothing comes from it. */
	bool source = !has(info->url, "dir=out") && !info->ended && (!stdio || info->can_end);
	bool sink = !has(info->url, "dir=in") && strcmp(info->name, reach->lost) != 0;

	if (info->state == WYE_FAILED)
		return 0;
	reach->sources += source;
	reach->sinks += sink;
	reach->both += source && sink;
	reach->crowd |= source && sink && strstr(info->url, "-listen://") &&
			!has(info->url, "once");
	return 0;
}

bool reach_without(struct wye_hub *hub, const char *endpoint)
{
	struct reach reach = {.lost = endpoint};

	(void)wye_hub_each(hub, look, &reach);
	/* A pair of two endpoints: unless the only source is the only sink. */
	bool pair = reach.sources > 0 && reach.sinks > 0 &&
		    !(reach.sources == 1 && reach.sinks == 1 && reach.both == 1);
	return pair || reach.crowd;
}
