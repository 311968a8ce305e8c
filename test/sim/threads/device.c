/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * device.c (threads) - the world's devices are the process host's own: os-user/softdev.c, with a thread an SM. It
 * takes the place of world/device.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpu.h"
#include "softdev.h"

#include "../world/world.h"
#include "../world/world_impl.h"
#include "core_impl.h"
#include "gpu/device.h"

#define LOOKS 100000u

static bool there; /* a world with devices; of who runs the story */

void world_device_make(struct world_device *d, uint32_t number, const struct world_shape *shape)
{
	const struct ferry_softdev_config config = {
		.vram_bytes = shape->vram_bytes, .sms = shape->sms, .caps = FG1_CAP_ALL, .seed = threads_seed()};
	struct ferry_softdev *sd;

	d->number = number;
	d->sms = shape->sms;
	d->vram_bytes = shape->vram_bytes;
	d->obj = sim_object();
	sim_name_object(d->obj, "device");
	d->allocs = sim_live_allocs();
	sim_check(!ferry_softdev_create(&config, &sd), "no device");
	sim_check(!ferry_softdev_window_add(sd, world->host, (uint64_t)WORLD_PAGES * FERRY_PAGE_SIZE), "no window");
	d->allocs = sim_live_allocs() - d->allocs;
	d->port = sd;
	d->gpu = ferry_softdev_gpu(sd);
	there = true;
}

void world_device_end(struct world_device *d)
{
	ferry_softdev_destroy(d->port);
	d->port = NULL;
	there = false;
}

void world_gone(void)
{
	if (there)
		world_end();
}

void world_device_hold(struct world_device *d)
{
	ferry_os_mutex_lock(&d->gpu->control);
	fg1_world_stop(d->gpu);
}

void world_device_unhold(struct world_device *d)
{
	struct fg1_kicks kicks = {0, 0};

	fg1_world_start(d->gpu, &kicks);
	ferry_os_mutex_unlock(&d->gpu->control);
	fg1_kick(d->gpu, &kicks);
}

void world_trouble(uint32_t one_in)
{
	for (uint32_t i = 0; there && i < world->devices; i++) {
		fg1_knob_set(world->dev[i].gpu, FG1_KNOB_IRQ_LOSE, one_in ? 2 * one_in : 0);
		fg1_knob_set(world->dev[i].gpu, FG1_KNOB_IRQ_DOUBLE, one_in ? 2 * one_in : 0);
	}
}

/* ---- rest ---- */

static bool stands_still(const struct world_device *d)
{
	const struct fg1 *gpu = d->gpu;
	uint64_t all = (1ull << d->sms) - 1;

	if (fg1_knob_get(d->gpu, FG1_KNOB_OFF_BUS))
		return true;
	return ferry_os_load_acquire(&gpu->launches) == 0 && ferry_os_load_acquire(&gpu->sm_idle) == all &&
	       ferry_os_load_acquire(&gpu->sm_stalled) == 0 && ferry_os_load_acquire(&gpu->channel_stalled) == 0;
}

/* Still before and after what was being served has been: nothing is left to serve. */
static bool rests(struct world_device *d)
{
	struct ferry_device *gpu = world->core->devices[d->number];
	bool still = stands_still(d);

	ferry_os_work_flush(&gpu->bottom_half);
	return still && stands_still(d) && sim_sem_is_up(&gpu->isr.os);
}

void world_rest(void)
{
	for (uint32_t i = 0; there && i < world->devices; i++) {
		uint32_t looks = 0;

		while (!rests(&world->dev[i])) {
			if (++looks == LOOKS)
				sim_fail("hang: device %u does not come to rest", i);
			usleep(200);
		}
	}
}

/* ---- dev_ops: the softdev's ---- */

const struct ferry_dev_ops *world_dev_ops(void)
{
	return &ferry_softdev_ops;
}

void *world_dev_cookie(struct world_device *d)
{
	return d->port;
}
