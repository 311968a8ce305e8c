/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * memory.h - the memory of a run: given out in the same order at the same addresses every time. After a prelude it is
 * kept, and every run begins with it.
 *
 *     small     [ heads and blocks ......][page][page] ..     a copy of each, made by the snapshot; what a run writes
 *     big       [page][page][page][page] ..                    to is copied back after it
 *
 * Which pages those are: after the snapshot none can be written to. The first write to a page traps, and from then on
 * the page can be, and is copied back after every run: it is likely to change again. Who is about to write to many
 * pages that others do not touch says so (memory_dirty), which saves traps and copies: device memory that is wiped.
 * Once in a while all of it is forgotten and found out anew.
 *
 * Of pages that hold a story's bytes only the first SIM_PAGE_SEEN are ever looked at, copied or cleared; where that
 * is so of a range (memory_thin: host pages) no more is copied back either.
 *
 * Big is what has 2 MiB or more: device memory, host pages.
 *
 * Under AddressSanitizer allocations are malloc's, and preludes run again each time.
 */
#ifndef FERRY_SIM_MEMORY_H
#define FERRY_SIM_MEMORY_H

#include "sim.h"

/* No traps: every page is copied back. For valgrind, which does not survive them; set before the first run. */
extern bool memory_copy_all;

void memory_clear(void);
bool memory_can_snapshot(void);
void memory_snapshot(const struct sim *sim);
void memory_restore(void);
/* After restore, for tests of the simulator: all of it is as it was. */
bool memory_is_base(void);

#endif /* FERRY_SIM_MEMORY_H */
