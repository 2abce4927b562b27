/* SPDX-License-Identifier: MIT */
/*
 * Mutants: each breaks one rule of the feed, so that the property test can be tested. if
 * (MUTANT(x)) marks the line that x breaks. They exist only where the feed is compiled with
 * WYE_MUTANTS, never in the library.
 */
#ifndef FEED_MUTANT_H
#define FEED_MUTANT_H

/* clang-format off */
#define FEED_MUTANTS(M)                                                                            \
	/* loss */                                                                                 \
	M(due_ignored)	   /* a segment is given up although a writable reader rests there */      \
	M(shut_ignored)	   /* the sources of a shut feed are read */                               \
	M(keep_ends_early) /* KEEP ends with its source, not with its last byte */                 \
	M(keep_skipped)	   /* a jump in a keeping feed goes to the newest half */                  \
	M(gone_unpinned)   /* KEEP does not wait for overrun readers */                            \
	M(keep_ignored)	   /* KEEP gives up */                                                     \
	M(close_jumps)	   /* CLOSE does as EVICT */                                               \
	/* positions */                                                                            \
	M(past_to)	   /* a solo reads past `to` */                                            \
	M(to_behind)	   /* `to` stays below first without live readers */                       \
	M(own_live)	   /* becomes live with own messages ahead */                              \
	M(slot_reuse)	   /* own_from is not used */                                              \
	M(ahead_lost)	   /* `ahead` stays behind at append */                                    \
	M(gone_lost)	   /* the tally of a segment given up is forgotten */                      \
	M(idle_forgotten)  /* a pass does not wake IDLE */                                         \
	M(one_swap)	   /* a live reader that is moved keeps its old index */                   \
	/* bytes */                                                                                \
	M(torn)		   /* the rest is not copied */                                            \
	M(early_step)	   /* the position moves when a message is begun */                        \
	M(rest_survives)   /* a rest outlives its connection */                                    \
	M(raw_again)	   /* raw sends a begun message again */                                   \
	M(hold0_kept)	   /* hold=0 keeps the backlog */                                          \
	M(mid_message)	   /* control goes into a begun unit */                                    \
	M(stamp_ignored)   /* private bytes leave at once */                                       \
	M(direct_early)	   /* sent directly with feed bytes unsent */                              \
	M(big_cut)	   /* a message is cut at the size of a segment */                         \
	M(big_segments)	   /* segments are not bounded by queue / 4 */                             \
	/* counts */                                                                               \
	M(door_uncounted)  /* refused messages are not routed */                                   \
	M(join_unrouted)   /* a late joiner's share is not routed */                               \
	M(own_counted)	   /* own messages count as dropped */                                     \
	/* datagrams */                                                                            \
	M(part_forgotten)  /* messages got before the endpoint was full are sent again */          \
	M(part_stays)	   /* who takes the place of a partly served reader inherits its part */   \
	M(blocked_pins)	   /* a full endpoint holds the feed back */                               \
	M(blocked_forgets) /* readers overrun while it was full do not jump */

/* clang-format on */

#ifdef WYE_MUTANTS
#define FEED_MUTANT_NAME(name) MUTANT_##name,
enum feed_mutant { MUTANT_NONE, FEED_MUTANTS(FEED_MUTANT_NAME) MUTANT_COUNT };
extern enum feed_mutant wyi_feed_mutant;
#define MUTANT(name) (wyi_feed_mutant == MUTANT_##name)
#else
#define MUTANT(name) 0
#endif

#endif
