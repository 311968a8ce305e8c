/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * channel.h - a ring of commands to one engine of a device, and the fences that say how far it got.
 *
 *        slot written by the core          doorbell(put)             done by the device
 *   ... [done][done][   pending   ][   being written   ][free] ...
 *                   ^ get (device writes)               ^ put (CHANNEL)
 *
 * A push is a run of commands handed over together: begin takes CHANNEL, slot() gives room for one more command, end
 * adds a fence, rings the doorbell once and releases CHANNEL. A fence is a 64-bit number that the device writes to
 * host memory when all before it is done; numbers grow, so "done" never goes back.
 *
 * In a port whose engines run on the caller's thread the doorbell returns with the work done, and waiting costs one
 * load.
 */
#ifndef FERRY_CHANNEL_H
#define FERRY_CHANNEL_H

#include "core_impl.h"
#include "gpu/hal.h"

#define FERRY_CHANNEL_ENTRIES 1024u

struct ferry_channel {
	struct ferry_device *gpu; /* constant, as are the next three */
	uint32_t id;
	struct ferry_dma mem;                            /* ring, then a page with status and fence */
	struct ferry_os_atomic fence_seen;               /* the highest fence known to be done */
	struct ferry_mutex lock FERRY_LOCK_ROW(CHANNEL); /* CHANNEL */
	uint64_t put FERRY_GUARDED_BY(&lock);            /* CHANNEL, as the next two */
	uint64_t get FERRY_GUARDED_BY(&lock);            /* how far the device was when there seemed to be no room */
	uint64_t fence_last FERRY_GUARDED_BY(&lock);     /* the last number given out */
};

struct ferry_push {
	struct ferry_channel *channel;
	uint32_t commands;
};

struct ferry_fence {
	struct ferry_channel *channel; /* NULL: nothing to wait for */
	uint64_t value;
};

/* Create on the device: takes DEVICE_CONTROL. FERRY_E_CHANNEL_NOMEM, FERRY_E_CHANNEL_CREATE, and HAL codes. */
int ferry_channel_init(struct ferry_ctx *ctx, struct ferry_channel *ch, struct ferry_device *gpu,
                       enum ferry_channel_kind kind, uint32_t asid);
void ferry_channel_fini(struct ferry_ctx *ctx, struct ferry_channel *ch);

/* Take any copy channel of the device (its lock). FERRY_E_DEVICE_LOST. */
int ferry_push_begin(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_push *push)
	FERRY_TRIES(0, &push->channel->lock) FERRY_MUST_CHECK;
/* The same on this channel. */
int ferry_push_begin_on(struct ferry_ctx *ctx, struct ferry_channel *ch, struct ferry_push *push)
	FERRY_TRIES(0, &push->channel->lock) FERRY_MUST_CHECK;
/*
 * Room for one command. When the ring is full it rings the doorbell and polls for space, bounded by the fence
 * timeout; then the device is lost, and the slot returned is a scratch that is never executed.
 */
void *ferry_push_slot(struct ferry_ctx *ctx, struct ferry_push *push) FERRY_NEEDS(&push->channel->lock);
/* Doorbell, unlock; for who does not ask what became of it. */
void ferry_push_send(struct ferry_ctx *ctx, struct ferry_push *push) FERRY_RELEASES(&push->channel->lock);
/* Fence, doorbell, unlock. irq: raise an interrupt too, for a waiter who will sleep. */
struct ferry_fence ferry_push_end(struct ferry_ctx *ctx, struct ferry_push *push, bool irq)
	FERRY_RELEASES(&push->channel->lock);

/* The device has stopped it at a command that it refuses: no fence behind that will ever be done. Any context. */
bool ferry_channel_stopped(const struct ferry_channel *ch);

bool ferry_fence_done(const struct ferry_fence *fence);
/*
 * Poll, then sleep in short steps; 0, FERRY_E_DEVICE_LOST (also when the time is up: the device is then lost). Not
 * ended by a signal: the pages of the copy are in the device's hands until the fence, so a waiter who went would have
 * to leave somebody behind who waits. Bounded by params.fence_timeout_ns.
 */
int ferry_fence_wait(struct ferry_ctx *ctx, const struct ferry_fence *fence) FERRY_MUST_CHECK;

#endif /* FERRY_CHANNEL_H */
