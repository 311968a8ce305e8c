/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * invariant.h - what must hold when everything has come to rest. A file each; each says what in a sentence.
 *
 * Called from a fiber in calm (bytes.c lets the CPU fault), after a run of a world story that ended.
 */
#ifndef FERRY_SIM_INVARIANT_H
#define FERRY_SIM_INVARIANT_H

#include "../world/world.h"

void invariant_owner(void);    /* owner.c: a page that somebody may write to is nowhere else */
void invariant_mappings(void); /* mappings.c: page tables and TLBs say what the core believes */
void invariant_bytes(void);    /* bytes.c: no addition is lost, whoever made it */
void invariant_locks(void);    /* locks.c: no lock is held, no violation was counted, nobody is inside the gate */
void invariant_leaks(void);    /* leaks.c: all memory comes back. Ends the world: the last one */

/* Leaks in one run of thirty: closing takes as long as so many runs. Nothing, if something was found. */
void invariant_leaks_at_times(void);

/* All but leaks. */
void invariants(void);

#endif /* FERRY_SIM_INVARIANT_H */
