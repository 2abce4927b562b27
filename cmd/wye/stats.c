/* SPDX-License-Identifier: MIT */
/*
 * Statistics: key=value, so that people and awk can read them. Drops are summed in `dropped`, and
 * the causes that occurred follow by name; those with "in-" were received but never routed.
 */
#include <inttypes.h>
#include <stdio.h>
#include "stats.h"

static const char *const states[] = {
	[WYE_OPENING] = "opening", [WYE_UP] = "up", [WYE_ENDED] = "ended", [WYE_FAILED] = "failed"};
static const char *const modes[] = {
	[WYE_MODE_DROP] = "drop", [WYE_MODE_BLOCK] = "block", [WYE_MODE_CLOSE] = "close"};

static void causes(const char *prefix, const uint64_t counts[WYE_DROP_CAUSES])
{
	for (int cause = 0; cause < WYE_DROP_CAUSES; cause++)
		if (counts[cause] > 0)
			fprintf(stderr, " %s%s=%" PRIu64, prefix,
				wye_cause_name((enum wye_cause)cause), counts[cause]);
}

static int print(const struct wye_endpoint_info *info, void *ctx)
{
	uint64_t dropped = 0;
	(void)ctx;
	for (int cause = 0; cause < WYE_DROP_CAUSES; cause++)
		dropped += info->dropped[cause];

	fprintf(stderr, "wye: stats: %s state=%s links=%u", info->name, states[info->state],
		info->links);
	fprintf(stderr, " received=%" PRIu64 " received_bytes=%" PRIu64, info->received,
		info->received_bytes);
	fprintf(stderr, " routed=%" PRIu64 " written=%" PRIu64 " written_bytes=%" PRIu64,
		info->routed, info->written, info->written_bytes);
	fprintf(stderr, " dropped=%" PRIu64 " lost=%" PRIu64 " waiting=%" PRIu64, dropped,
		info->lost, info->waiting);
	if (info->overdue > 0)
		fprintf(stderr, " overdue=%" PRIu64, info->overdue);
	fprintf(stderr, " held=%" PRIu64 " unwritten=%" PRIu64 " mode=%s", info->held_bytes,
		info->unwritten_bytes, modes[info->mode]);
	causes("", info->dropped);
	causes("in-", info->not_routed);
	fprintf(stderr, " split=%" PRIu64 " nobuf=%" PRIu64 " discarded_bytes=%" PRIu64,
		info->split, info->nobuf, info->discarded_bytes);
	fprintf(stderr, " links_ever=%" PRIu64 " refused=%" PRIu64, info->links_ever,
		info->refused);
	if (info->unreachable > 0)
		fprintf(stderr, " icmp=%" PRIu64, info->unreachable);
	fputc('\n', stderr);
	return 0;
}

void stats_print(struct wye_hub *hub)
{
	(void)wye_hub_each(hub, print, NULL);
}
