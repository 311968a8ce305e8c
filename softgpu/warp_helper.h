/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_helper.h - helper calls of a program, but for the barrier and the trap; between warp*.c only.
 */
#ifndef FERRY_FG1_WARP_HELPER_H
#define FERRY_FG1_WARP_HELPER_H

#include "program.h"
#include "warp.h"

/* HELPER: r0 = f(r1, r2, r3) for the lanes of mask. No other register changes. */
void fg1_warp_helper(struct fg1_warp *warp, const struct fg1_insn *insn, uint32_t mask);

#endif /* FERRY_FG1_WARP_HELPER_H */
