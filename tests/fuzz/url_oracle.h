/* SPDX-License-Identifier: MIT */
/*
 * What holds of any bytes given to the URL parser: either a URL that prints, and whose print parses
 * back to the same struct and the same print; or an error with place, found and wanted, fit for a
 * terminal.
 */
#ifndef URL_ORACLE_H
#define URL_ORACLE_H

#include <string.h>
#include "base/base.h"

/* True: it was a URL. */
static inline bool url_holds(const char *text)
{
	char once[URL_TEXT], twice[URL_TEXT];
	struct url u, again, untouched;
	struct wye_error e;

	memset(&u, 0xa5, sizeof(u));
	untouched = u;
	e.code = 0;
	if (wyi_url_parse(&u, text, &e) < 0) {
		wyi_assert(e.code == WYE_EURL && e.at <= strlen(text));
		wyi_assert(memcmp(&u, &untouched, sizeof(u)) == 0);
		wyi_assert(strncmp(e.text, "in \"", 4) == 0 && strstr(e.text, "wanted "));
		wyi_assert(strlen(e.text) < sizeof(e.text) - 1); /* nothing cut off */
		for (const char *c = e.text; *c; c++)
			wyi_assert(*c >= ' ' && *c <= '~');
		wyi_assert(wyi_url_parse(&u, text, NULL) == WYE_EURL);
		return false;
	}
	wyi_assert(e.code == 0);
	wyi_url_print(&u, once, sizeof(once));
	wyi_assert(strlen(once) < sizeof(once) - 1);
	wyi_assert(wyi_url_parse(&again, once, &e) == 0);
	wyi_assert(memcmp(&u, &again, sizeof(u)) == 0);
	wyi_assert(strcmp(wyi_url_print(&again, twice, sizeof(twice)), once) == 0);
	/* What the rest of the house builds on. */
	wyi_assert(u.queue >= 2 * u.max_message && u.max_message >= 1);
	wyi_assert(u.retry_min >= NS_PER_MS && u.retry_max >= u.retry_min);
	wyi_assert((u.frame == FRAME_DGRAM) == ((URL_BIT(u.scheme) & URL_DATAGRAM) != 0));
	return true;
}

#endif
