/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * hal_fg1.h - the driver's half of FG-1 (docs/fg1.md).
 *
 *   core --hal.h--> hal/fg1 --dev_ops--> registers, status page, fault buffer --> the device
 *
 * It keeps per device: the status page (its own DMA memory), a command sequence, and how far the fault buffer is
 * read. Everything else is translation. Locks are the core's, as hal.h names them; what two contexts may touch is
 * atomic: faults_taken (written under ISR_SERVICE, read by fault_pending).
 *
 * A control command is answered in memory. The HAL spins for it, at most HAL_FG1_CONTROL_NS; a device that does not
 * answer is lost when it no longer identifies itself, and hung otherwise.
 */
#ifndef FERRY_HAL_FG1_H
#define FERRY_HAL_FG1_H

#include "gpu/hal.h"

#define HAL_FG1_CONTROL_NS 2000000000ull

extern const struct ferry_hal ferry_hal_fg1;

#endif /* FERRY_HAL_FG1_H */
