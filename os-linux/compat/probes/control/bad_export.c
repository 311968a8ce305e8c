// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Must be refused: it compiles, but modules may not call this.
 *
 * No kernel.
 *
 * Exports: ferry_no_kernel_has_this
 */
#include <linux/mm.h>

void ferry_no_kernel_has_this(void);
void ferry_no_kernel_has_this(void)
{
}
