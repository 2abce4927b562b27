/* SPDX-License-Identifier: MIT */
/*
 * Intrusive circular lists. A node that is in no list points at itself, so removal is always legal.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/types.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
static inline void list_move_tail(struct list *head, struct list *node)
{
	list_del(node);
	list_add_tail(head, node);
}
/* Moves all of from to the end of to; from is then empty. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) container_of((head)->next, type, member)
/* The node may be removed or freed inside the _safe loop, no other one. */
#define list_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
#define list_each_safe(pos, tmp, head)                                                             \
	for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head);                           \
	     (pos) = (tmp), (tmp) = (pos)->next)

#endif
