/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * world.h - the whole driver in the simulator: the core, the driver half of FG-1, the software GPU, and a host whose
 * page tables are two arrays.
 *
 *     a story's fibers                 core                      the machine's fibers
 *       cpu_add()  --- mapped? no ---> ferry_core_cpu_fault()      SM 0 .. n-1: interpret programs
 *       gpu_add()  ------------------> LAUNCH, WAIT                front end: channels of all devices
 *       request()                      bottom half <-- worker <--- interrupt
 *
 * One prelude for all stories of a shape: the world is made, a program is loaded and has run once. Every run begins
 * there. The bytes of each page are counters, each written by one fiber only: at the end they tell whether one was
 * lost.
 */
#ifndef FERRY_SIM_WORLD_H
#define FERRY_SIM_WORLD_H

#include "ferry/core.h"
#include "softgpu.h"

#include "../tell.h"

#define WORLD_BASE 0x100000000000ull
#define WORLD_BLOCKS 3u
#define WORLD_PAGES (WORLD_BLOCKS * FERRY_BLOCK_PAGES)
#define WORLD_DEVICES 2u
#define WORLD_WRITERS 8u /* counters a page has: one for each fiber that adds */

struct world_shape {
	uint32_t devices, sms;
	uint64_t vram_bytes;
	uint64_t fence_timeout_ns; /* 0: the core's default */
};

struct world_device {
	struct fg1 *gpu;
	uint8_t *vram;
	uint64_t vram_bytes;
	uint32_t number, sms;
	ferry_irq_fn irq_fn;
	void *irq_arg;
	uint32_t irqs_inside;
	uint64_t kicked; /* a bit per engine */
	struct ferry_os_wait kick[5];
	struct ferry_os_wait quiet;
	void *port; /* on threads: the process host's device */
	uint32_t obj;
	uint64_t allocs; /* of the model when it was made */
};

struct world {
	struct ferry_core *core;
	struct ferry_va_space *vs;
	struct world_device dev[WORLD_DEVICES];
	uint32_t devices;
	uint8_t *host;
	bool populated[WORLD_PAGES], mapped[WORLD_PAGES], writable[WORLD_PAGES], poisoned[WORLD_PAGES];
	bool pinned[WORLD_PAGES], external[WORLD_PAGES];
	SIM_SHARED uint32_t host_pages;
	uint32_t host_pages_max;
	uint32_t obj_mm;
	uint32_t program[WORLD_DEVICES];
	uint32_t added[WORLD_PAGES][WORLD_WRITERS]; /* how often each has added, as it was told */
	SIM_SHARED bool maybe_added[WORLD_PAGES];   /* an add failed: one of them may have happened */
	SIM_SHARED bool gone[WORLD_PAGES];          /* unmapped by the story: no bytes to check */
	SIM_SHARED bool dying;                      /* the process is: mm get fails */
	SIM_SHARED bool device_lost;                /* a story took a device away */
	uint64_t allocs_before;                     /* live when the core was made */
};

/* In the run's memory: the same address in every run. */
extern struct world *world;

/* For preludes. */
void world_make(const struct world_shape *shape);
/* The program of world_gpu_add(), for world->vs: world->program. */
void world_load_program(uint32_t device);

/* ---- what stories do, from their fibers. page: 0..WORLD_PAGES-1; writer: whose counter ---- */

/* *counter of the page += 1 by the CPU; the code of the fault that was refused. */
int world_cpu_add(uint32_t page, uint32_t writer);
/* The same by a program on a device, for n pages from page on; waits for its end. The launch's fate. */
int world_gpu_add(uint32_t device, uint32_t page, uint32_t n, uint32_t writer);
int world_request(uint32_t request, void *buf, uint32_t bytes);
int world_migrate(uint32_t page, uint32_t n, uint32_t where);
/* The CPU side of the pages goes away; nobody may care for their bytes any more. */
void world_unmap(uint32_t page, uint32_t n);

static inline uint64_t world_va(uint32_t page)
{
	return WORLD_BASE + (uint64_t)page * FERRY_PAGE_SIZE;
}

/* The page is where a CPU can read it; the code of the fault. */
int world_cpu_look(uint32_t page);
/* The device's page tables and TLBs agree with what the core says of the page. */
void world_check_mapping(uint32_t device, uint32_t page, bool mapped, bool writable);
/* Closes everything, in calm, and looks for leaks. From a fiber. */
void world_end(void);

#endif /* FERRY_SIM_WORLD_H */
