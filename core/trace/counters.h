/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * counters.h - one counter for each distinct path, always on. The list and its order are ABI: uapi/ferry.h.
 *
 * Written with relaxed atomics, added up per service and not per page, so that they cost nothing that shows. Who
 * serves faults has a set of its own for each device, which nobody else adds to: an add there is a load and a store.
 * A counter is the sum of the sets.
 */
#ifndef FERRY_COUNTERS_H
#define FERRY_COUNTERS_H

#include "ferry/os.h"
#include "ferry/uapi/ferry.h"

struct ferry_counters {
	struct ferry_os_atomic value[FERRY_COUNTER_COUNT];
};

static inline void ferry_count(struct ferry_counters *c, enum ferry_counter counter, uint64_t add)
{
	if (add)
		ferry_os_fetch_add(&c->value[counter], add);
}

/* The same where the caller alone adds to c. */
static inline void ferry_count_own(struct ferry_counters *c, enum ferry_counter counter, uint64_t add)
{
	ferry_os_store_relaxed(&c->value[counter], ferry_os_load_relaxed(&c->value[counter]) + add);
}

static inline uint64_t ferry_counter_read(const struct ferry_counters *c, enum ferry_counter counter)
{
	return ferry_os_load_relaxed(&c->value[counter]);
}

#endif /* FERRY_COUNTERS_H */
