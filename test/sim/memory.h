/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * memory.h - the memory of a run: given out in the same order at the same addresses every time. After a prelude it is
 * kept, and every run begins with it.
 *
 *     small     [ heads and blocks ..............]      copied back whole: it is small, and most of it changes
 *     big       [ page ][ page ][ page ][ page ] ..     copied back page by page, those that were written to
 *
 * Big is what has 2 MiB or more: device memory, host pages. They are written to by copies and fills, which say so
 * (memory_dirty), and by programs in frames that were filled before, in this run or in the prelude.
 *
 * Under AddressSanitizer allocations are malloc's, and preludes run again each time.
 */
#ifndef FERRY_SIM_MEMORY_H
#define FERRY_SIM_MEMORY_H

#include "sim.h"

void memory_clear(void);
bool memory_can_snapshot(void);
void memory_snapshot(const struct sim *sim);
void memory_restore(void);
/* After restore, for tests of the simulator: all of it is as it was. */
bool memory_is_base(void);

#endif /* FERRY_SIM_MEMORY_H */
