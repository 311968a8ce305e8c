/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * list.h - a ring of nodes inside the objects they link. The head is a node of its own; a node that is in no
 * list points at itself. No locks: the list's owner names one.
 */
#ifndef FERRY_LIST_H
#define FERRY_LIST_H

#include "ferry/types.h"

struct ferry_list {
	struct ferry_list *next, *prev;
};

#define FERRY_LIST_ENTRY(node, type, member) FERRY_CONTAINER_OF(node, type, member)
#define FERRY_LIST_EACH(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
/* The body may remove pos. */
#define FERRY_LIST_EACH_SAFE(pos, tmp, head)                                                                         \
	for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head); (pos) = (tmp), (tmp) = (pos)->next)

static inline void ferry_list_init(struct ferry_list *n)
{
	n->next = n;
	n->prev = n;
}

static inline bool ferry_list_empty(const struct ferry_list *head)
{
	return head->next == head;
}

static inline void ferry_list_insert_after(struct ferry_list *at, struct ferry_list *n)
{
	n->prev = at;
	n->next = at->next;
	at->next->prev = n;
	at->next = n;
}

static inline void ferry_list_push_front(struct ferry_list *head, struct ferry_list *n)
{
	ferry_list_insert_after(head, n);
}

static inline void ferry_list_push_back(struct ferry_list *head, struct ferry_list *n)
{
	ferry_list_insert_after(head->prev, n);
}

static inline void ferry_list_remove(struct ferry_list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	ferry_list_init(n);
}

#endif /* FERRY_LIST_H */
