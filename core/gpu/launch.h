/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * launch.h - programs on a device, and the launches of one VA space on it.
 *
 * A launch has a place in a ring of FERRY_LAUNCHES_MAX: its arguments and its result record lie in DMA memory there.
 * Launches are numbered from 1 and run in order; number n uses place n % max, so a result can be asked for until that
 * many later launches have been made.
 *
 *   next - max ...... [ended, result kept][ended][ running ][ queued ] ^ next
 *
 * Locking: LAUNCH guards numbers and programs. Results are written by the device and read without a lock once its
 * fence (the launch's number) is there.
 */
#ifndef FERRY_LAUNCH_H
#define FERRY_LAUNCH_H

#include "va/va_space.h"

#define FERRY_LAUNCHES_MAX 256u
#define FERRY_PROGRAMS_MAX 64u /* of one VA space on one device */

struct ferry_program_slot {
	bool used;
	uint32_t slot; /* on the device */
	uint32_t arg_count;
	uint64_t last; /* the youngest launch that runs it; 0 = none */
};

struct ferry_launch_ring {
	struct ferry_dma mem;                         /* args, then results */
	uint64_t next;                                /* LAUNCH: the next number */
	uint64_t ended;                               /* LAUNCH: launches below and this are known to have ended */
	struct ferry_fence fence[FERRY_LAUNCHES_MAX]; /* LAUNCH; of the launch at this place */
	struct ferry_program_slot programs[FERRY_PROGRAMS_MAX]; /* LAUNCH */
};

int ferry_launch_ring_create(struct ferry_va_gpu *vg, struct ferry_launch_ring **out);
/* After the compute channel has ended. Unloads programs. */
void ferry_launch_ring_destroy(struct ferry_ctx *ctx, struct ferry_va_gpu *vg);

/* *program: device << 16 | place + 1. FERRY_E_PROGRAM_*; *at as in uapi. No lock held. */
int ferry_program_create(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t device, const void *insns,
                         uint32_t insn_count, uint32_t arg_count, uint32_t *program, uint32_t *at);
/* FERRY_E_PROGRAM_ID, FERRY_E_BUSY (a launch of it is queued or runs). */
int ferry_program_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t program);

/* Queue. *launch on success. FERRY_E_LAUNCH_ARGS, _SHAPE, FERRY_E_PROGRAM_ID, FERRY_E_BUSY (ring full for long). */
int ferry_launch_submit(struct ferry_ctx *ctx, struct ferry_va_space *vs, const struct ferry_req_launch *req,
                        uint64_t *launch);
/*
 * Count the launches on one device that have ended and that nobody waited for, so that its watchdog can rest. Takes
 * GLOBAL and LAUNCH by try: whoever holds one of them counts as well, or the next call does.
 */
void ferry_launch_reap_device(struct ferry_ctx *ctx, struct ferry_device *gpu);

/* No launch of this VA space is out, but on lost devices. No lock held. */
bool ferry_launch_all_ended(struct ferry_ctx *ctx, struct ferry_va_space *vs);

/* Until it has ended; no lock held. Fills the out fields of req. */
int ferry_launch_wait(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_req_wait *req);

#endif /* FERRY_LAUNCH_H */
