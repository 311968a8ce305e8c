/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * shrink.h - a run that finds something, made as short as it gets.
 *
 * Of the choices that were not usual, pieces are left out, then single ones, as long as the run still finds something
 * that begins with the same word. In the end none can be left out.
 */
#ifndef FERRY_SIM_SHRINK_H
#define FERRY_SIM_SHRINK_H

#include "choose.h"

/*
 * found is what a recorded run of plan left in plan->record. *out gets the short list, sim is left as its run ended.
 * Returns how many runs it took; 0: the run could not be repeated from its list (it was longer than a list may be).
 */
uint32_t shrink(const struct sim_story *story, const struct choose_list *found, struct choose_list *out);

#endif /* FERRY_SIM_SHRINK_H */
