/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * channel.c - the ring index of core/gpu/channel.c, for every put and every get, also one that a broken device makes
 * up. One call of ferry_push_slot(); the invariant is put - get <= entries.
 */
#include "world.h"
#include "gpu/channel.h"
#include "gpu/device.h"

#define RING_BYTES (FERRY_CHANNEL_ENTRIES * (size_t)FERRY_HAL_CMD_BYTES)

static struct ferry_core core;
static struct ferry_device gpu;
static struct ferry_channel ch;
static char ring[RING_BYTES + FERRY_PAGE_SIZE];

static uint64_t get_now; /* what the device last said */
static uint32_t gets;
static bool honest;

static uint64_t device_get(void *hd, const void *status)
{
	uint64_t next = any_u64();

	(void)hd;
	(void)status;
	/* An honest device goes forward, and has done no more than there is. */
	gets++;
	if (honest)
		assume(next >= get_now && next <= ch.put);
	get_now = next;
	return next;
}

static void device_doorbell(void *hd, uint32_t channel, uint64_t put)
{
	(void)hd;
	(void)channel;
	(void)put;
}

static uint32_t device_error(void *hd, const void *status)
{
	(void)hd;
	(void)status;
	return any_u32();
}

static bool device_gone(void *hd)
{
	(void)hd;
	return any_bool();
}

void ferry_device_lose(struct ferry_device *gpu, int why)
{
	gpu->lost.v = (uint64_t)why;
}

/* The poll is bounded by time in the code; here by turns: what a turn may find, three find too. */
void world_relax(void)
{
	assume(gets < 4);
}

/* Who holds which lock is not what is proved here. */
bool ferry_lock_assert_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line)
{
	(void)ctx;
	(void)lock;
	(void)file;
	(void)line;
	return true;
}

static const struct ferry_hal hal = {.channel_get = device_get,
                                     .doorbell = device_doorbell,
                                     .channel_error = device_error,
                                     .is_gone = device_gone};
/* Where the next command goes, from the start of the ring. */
static size_t one_slot(void)
{
	struct ferry_push push = {.channel = &ch};
	struct ferry_ctx ctx;

	gpu.core = &core;
	gpu.hal = &hal;
	ch.gpu = &gpu;
	ch.mem.cpu = ring;
	ferry_ctx_init(&ctx);
	return (size_t)((char *)ferry_push_slot(&ctx, &push) - ring);
}

/* Goal: whatever the device says, a command is written into the ring or to the scratch slot behind it. */
void prove_slot_inside(void)
{
	size_t at;

	ch.put = any_u64();
	at = one_slot();
	prove(at % FERRY_HAL_CMD_BYTES == 0);
	prove(at + FERRY_HAL_CMD_BYTES <= RING_BYTES || at == RING_BYTES + 128);
}

/* Goal: with an honest device no command that is not done yet is overwritten, and the order has no gap. */
void prove_slot_free(void)
{
	uint64_t put = any_u64();
	size_t at;

	honest = true;
	get_now = any_u64();
	assume(get_now <= put && put - get_now <= FERRY_CHANNEL_ENTRIES && put < UINT64_MAX);
	ch.put = put;
	at = one_slot();
	if (at >= RING_BYTES) {
		prove(gpu.lost.v != 0 && ch.put == put);
		return;
	}
	prove(ch.put == put + 1 && at == put % FERRY_CHANNEL_ENTRIES * FERRY_HAL_CMD_BYTES);
	prove(ch.put - get_now <= FERRY_CHANNEL_ENTRIES);
}
