/* SPDX-License-Identifier: MIT */
/*
 * "-": standard input and output as one link.
 *
 * Happy path: opened with the endpoint, up at once; the end of the input leaves it a sink.
 * Failure: a closed descriptor is an error at open. /dev/null as input is no input, and so has no
 * end.
 */
#include <errno.h>
#include "endpoint/inner.h"

int wyi_stdio_open(struct endpoint *e, struct wye_error *error)
{
	struct ends *ends = wyi_zalloc(sizeof *ends);
	int r = ends ? wyi_net_stdio(e->url.dir, &ends->io, error) : -ENOMEM;

	if (r < 0) {
		wyi_free(ends);
		return r;
	}
	if (ends->io.in_endless) {
		e->url.dir = e->url.dir == DIR_BOTH ? DIR_OUT : e->url.dir;
		e->endless = true;
	}
	e->out_tty = ends->io.out_tty;
	r = wyi_link_attach(e->one, -1, ends);
	if (r < 0)
		return wyi_fail(error, r, 0, "-: %s", wye_strerror(r));
	if (ends->io.in == NET_NONE)
		e->one->flags |= LINK_READ_END;
	wyi_endpoint_set(e, WYE_UP, 0);
	wyi_endpoint_up(e, e->one);
	return 0;
}
