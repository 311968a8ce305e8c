/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* world_impl.h - what the files of the world share. */
#ifndef FERRY_SIM_WORLD_IMPL_H
#define FERRY_SIM_WORLD_IMPL_H

#include "ferry/dev_ops.h"
#include "ferry/mm_ops.h"
#include "world.h"

extern const struct ferry_mm_ops world_mm_ops;
/* What a device is to the core, and its cookie. */
const struct ferry_dev_ops *world_dev_ops(void);
void *world_dev_cookie(struct world_device *d);

/* Before who looks at or changes the page tables of the page's block; to the end of the scope. */
#define WORLD_TABLES(page) SIM_GUARD(world->obj_mm, (page) / FERRY_BLOCK_PAGES)

/* The device and the fibers that run it. */
void world_device_make(struct world_device *d, uint32_t number, const struct world_shape *shape);
void world_device_end(struct world_device *d);
/* Keep the device's engines out, for who looks into it. They are at rest. */
void world_device_hold(struct world_device *d);
void world_device_unhold(struct world_device *d);

#endif /* FERRY_SIM_WORLD_IMPL_H */
