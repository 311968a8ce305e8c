/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bottom_half.h - serving a device's fault buffer.
 *
 * schedule: the top half. Takes ISR_SERVICE by try, hands it over, queues the work. When somebody serves already,
 * nothing is needed: before that one leaves it arms the interrupt, which comes at once if entries are waiting. run:
 * the work. At most FERRY_BATCHES_MAX batches, then it queues itself again.
 */
#ifndef FERRY_BOTTOM_HALF_H
#define FERRY_BOTTOM_HALF_H

struct ferry_device;

#define FERRY_BATCHES_MAX 20u

/* Any context. */
void ferry_bottom_half_schedule(struct ferry_device *gpu);
/* Process context; arg is the device. Takes ISR_SERVICE over, and everything below it. */
void ferry_bottom_half_run(void *arg);

#endif /* FERRY_BOTTOM_HALF_H */
