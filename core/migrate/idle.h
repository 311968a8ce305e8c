/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * idle.h - host pages that nobody uses, given to the host when its memory is short.
 *
 *     the page's bytes are       CPU mapping        then
 *       at home only             taken away         host_idle(): the host may swap them; the next CPU fault, copy or
 *                                                   mapping from afar gets them back
 *       on a device (too)        -                  left alone: its host page is the place it can always go home to
 *       at home, used by a
 *       device from afar         -                  left alone: the device would read what is no longer there
 *
 * Called from inside memory allocation, by threads that may hold any lock of ours: so every lock is taken by try,
 * and a block that is busy is not idle. Idea: the shrinkers of Linux.
 */
#ifndef FERRY_IDLE_H
#define FERRY_IDLE_H

#include "core_impl.h"

/*
 * Look for pages_wanted pages, starting where the last call left off; each VA space is looked at once at most.
 * Returns how many were given. Context: process, any lock may be held.
 */
uint64_t ferry_idle_pages(struct ferry_ctx *ctx, struct ferry_core *core, uint64_t pages_wanted);
/* The same in one VA space, which the caller keeps open: for a host that is short of one user's memory only. */
uint64_t ferry_idle_pages_of(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t pages_wanted);

#endif /* FERRY_IDLE_H */
