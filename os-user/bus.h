/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bus.h - which host memory a device of the process host may reach, and the DMA memory it was given.
 *
 *     arena: one reservation            windows: up to FERRY_BUS_WINDOWS ranges of somebody else's
 *     [pages handed out, a bit each]    { base, end } each behind a sequence number
 *
 * ferry_bus_reach() takes no lock: an arena bit, or a look at the few windows. add, remove, alloc, free: the mutex.
 * Invariant: a free page of the arena is zero.
 */
#ifndef FERRY_BUS_H
#define FERRY_BUS_H

#include "ferry/os.h"
#include "ferry/dev_ops.h"

#define FERRY_BUS_WINDOWS 64u

struct ferry_bus_window {
	uint64_t seq; /* odd while base and end change */
	uint64_t base;
	uint64_t end; /* == base: free */
};

struct ferry_bus {
	char *arena;
	uint64_t arena_bytes;
	uint64_t *used;      /* a bit per page of the arena; changed under lock, read by anyone */
	uint64_t next_page;  /* where the next search begins; under lock */
	uint64_t pages_used; /* under lock */
	struct ferry_os_mutex lock;
	uint32_t windows; /* slots ever used */
	struct ferry_bus_window window[FERRY_BUS_WINDOWS];
};

/* FERRY_E_MMAP. */
int ferry_bus_init(struct ferry_bus *bus) FERRY_MUST_CHECK;
/* All DMA memory must be given back. */
void ferry_bus_fini(struct ferry_bus *bus);

/* The pointer to [addr, addr + size_bytes), or NULL when any of it may not be reached. Any thread, lock-free. */
void *ferry_bus_reach(const struct ferry_bus *bus, uint64_t addr, uint64_t size_bytes);

/* FERRY_E_INVAL, FERRY_E_BUSY. */
int ferry_bus_window_add(struct ferry_bus *bus, uint64_t base, uint64_t size_bytes) FERRY_MUST_CHECK;
/* FERRY_E_INVAL: no window begins there. */
int ferry_bus_window_remove(struct ferry_bus *bus, uint64_t base) FERRY_MUST_CHECK;

/* Zeroed pages of the arena. FERRY_E_INVAL (size 0), FERRY_E_NOMEM. */
int ferry_bus_alloc(struct ferry_bus *bus, size_t size_bytes, struct ferry_dma *out) FERRY_MUST_CHECK;
void ferry_bus_free(struct ferry_bus *bus, struct ferry_dma *dma);

#endif /* FERRY_BUS_H */
