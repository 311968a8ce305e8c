/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_alu.h - arithmetic and conditions over the lanes of a warp; between warp*.c only.
 *
 *   regs[r]:  lane  0    1    2   ...  31       one row of 64-bit words for each register
 *           +----+----+----+-     -+----+
 *
 * A row function runs over all 32 lanes without asking, as vector code; the others over the lanes of a mask.
 */
#ifndef FERRY_FG1_WARP_ALU_H
#define FERRY_FG1_WARP_ALU_H

#include "program.h"
#include "warp.h"

/*
 * ALU_X, ALU_K or WIDE. The _row form also writes lanes that do not count: only when none of them can be seen again
 * (every lane that is not done or dead takes part).
 */
void fg1_warp_alu_row(struct fg1_warp *warp, const struct fg1_insn *insn);
void fg1_warp_alu_lanes(struct fg1_warp *warp, const struct fg1_insn *insn, uint32_t mask);

/* BRANCH_X or BRANCH_K: the lanes whose condition holds, of all 32. */
uint32_t fg1_warp_alu_condition(const struct fg1_warp *warp, const struct fg1_insn *insn);

#endif /* FERRY_FG1_WARP_ALU_H */
