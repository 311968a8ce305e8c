/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * rig.h - the whole core on fakes: a GPU whose commands happen at the doorbell, and a host whose page tables are two
 * arrays.
 *
 *   test --rig_gpu_access()--> walk the page tables the core wrote --miss--> fault ring --irq--> bottom half (inline)
 *        --rig_cpu_access()--> mapped? --no--> ferry_core_cpu_fault()
 *
 * Everything runs on the calling thread, so a test is deterministic. The managed window is RIG_WINDOW_PAGES pages at
 * RIG_BASE; its host pages, frames and both sides' mappings are plain arrays that a test may look at.
 */
#ifndef FERRY_TEST_CORE_RIG_H
#define FERRY_TEST_CORE_RIG_H

#include <stdint.h>

#include "ferry/core.h"
#include "core_impl.h"
#include "gpu/device.h"
#include "va/va_space.h"

#define RIG_BASE 0x100000000000ull
#define RIG_WINDOW_PAGES (8u * FERRY_BLOCK_PAGES)
#define RIG_DEVICES 3u
#define RIG_FAULTS 1024u
#define RIG_CHANNELS 16u

struct rig_channel {
	uint8_t *ring, *status;
	uint32_t entries;
	uint64_t done;
	bool used;
};

/* What the device holds on to until it is told to forget. */
struct rig_tlb {
	uint8_t *memory; /* NULL: nothing held */
	bool write;
};

struct rig_device {
	struct rig *rig;
	uint32_t id;
	uint8_t *vram;
	uint64_t vram_bytes;
	struct rig_channel channels[RIG_CHANNELS];
	uint64_t roots[64]; /* by asid; 0 = unbound */
	struct rig_tlb tlb[RIG_WINDOW_PAGES];
	ferry_irq_fn irq;
	void *irq_arg;
	struct ferry_fault faults[RIG_FAULTS]; /* waiting to be fetched */
	uint32_t fault_count;
	bool armed;
	bool dry;           /* copies and fills are counted, not done: for benches */
	bool gone, stuck;   /* is_gone says so; commands are not executed */
	uint64_t copies_ok; /* fails the copy after so many when copy_limit is set */
	bool copy_fails;
	bool channel_error;
	uint32_t stopped; /* number + 1 of the one channel that stops, and says so; the device goes on */
	uint64_t replays, cancels, copies, fills, invalidates, doorbells;
	uint32_t last_reason;
	bool table_at_invalidate; /* at the last invalidate a walk of its block still reached a table */
	uint64_t next_fault_id;
};

struct rig {
	struct ferry_core *core;
	struct ferry_va_space *vs;
	struct rig_device dev[RIG_DEVICES];
	uint32_t devices;
	uint8_t *host; /* RIG_WINDOW_PAGES pages */
	bool populated[RIG_WINDOW_PAGES];
	bool cpu_mapped[RIG_WINDOW_PAGES], cpu_writable[RIG_WINDOW_PAGES], poisoned[RIG_WINDOW_PAGES];
	bool pinned[RIG_WINDOW_PAGES]; /* somebody outside holds the page */
	bool idle[RIG_WINDOW_PAGES];   /* host_idle'd; the page reads as 0xee bytes until it is fetched back */
	uint8_t *swap;                 /* RIG_WINDOW_PAGES pages: where idle ones are */
	uint32_t host_pages_max;       /* host_populate fails beyond */
	uint32_t host_pages;
	bool zap_fails, insert_busy, bus_fails;
	uint32_t insert_fails_at; /* page number + 1 that cannot be mapped: those before it are; 0 = none */
	uint64_t slipped;         /* written to each page that is mapped read-only, before it is; 0 = nothing */
	uint64_t discards;
	bool dying; /* mm get fails */
	/* Registered pages: 0 none, 1 to read, 2 to write; the next two are what external_map and external_bus say.
	 */
	uint8_t external[RIG_WINDOW_PAGES];
	int external_map_fails, external_bus_fails;
	uint32_t external_bus_fails_at; /* page number + 1 of the only one it says that of; 0 = all */
	void (*on_external)(struct rig *rig, uint32_t page); /* called by both, before they answer */
	uint64_t external_maps, external_unmaps;

	uint64_t zaps, inserts;
};

/* devices of vram_bytes each, caps: bit per enum ferry_cap. Dies on failure. */
void rig_up(struct rig *rig, uint32_t devices, uint64_t vram_bytes, uint32_t caps);
void rig_down(struct rig *rig);
/* Faults handled together by the devices of the next rig_up(); 0 = the core's default. */
void rig_batch(uint32_t max);
/* Another process instead of the one that up made: a fresh VA space and an untouched host, on the same devices. */
void rig_reopen(struct rig *rig);
#define RIG_CAPS_ALL ((1u << FERRY_CAPS) - 1)

/* A managed range of so many pages at page number first of the window (a multiple of 512). Returns the request's
 * code. */
int rig_range(struct rig *rig, uint32_t first, uint32_t pages);
int rig_request(struct rig *rig, uint32_t request, void *buf, size_t bytes);
uint64_t rig_va(uint32_t page);
uint32_t rig_page(uint64_t va);
/* Make device d part of the VA space (as a launch or prefetch would). */
void rig_join(struct rig *rig, uint32_t d);

/*
 * One 8-byte access at the start of a page. 0 and *value (in or out); or an enum ferry_error: what the CPU's fault
 * said, or the reason of the cancel. Bounded: FERRY_E_TIMEOUT after 100 replays.
 */
int rig_cpu_access(struct rig *rig, uint32_t page, bool write, uint64_t *value);
int rig_gpu_access(struct rig *rig, uint32_t d, uint32_t page, bool write, uint64_t *value);
/* Put a fault into the ring without delivering it; and deliver what is there. */
void rig_fault_push(struct rig *rig, uint32_t d, uint64_t va, enum ferry_access access);
void rig_faults_deliver(struct rig *rig, uint32_t d);
/* The device's view: does va translate for this access? *memory points at the byte. */
bool rig_walk(struct rig *rig, uint32_t d, uint64_t va, bool write, uint8_t **memory);
/* A walk of va gets as far as a table of its block. */
bool rig_table(struct rig *rig, uint32_t d, uint64_t va);

/* The tables, for a test that builds a core of its own. */
const struct ferry_hal *rig_hal_table(void);
const struct ferry_dev_ops *rig_bus_table(void);

/* From now on any address is in the window, modulo its size. */
void rig_fold(bool on);
bool rig_folded(void);

/* Every invariant of va/block.h on every block, and page tables against sets. Fails the test with a message. */
void rig_audit(struct rig *rig);

/* Operations of mm_ops.h on registered memory, which is the window's host pages as well (rig_external.c). */
int rig_external_map(void *mm, uint64_t va, uint64_t n, bool write);
void rig_external_unmap(void *mm, uint64_t va, uint64_t n);
int rig_external_bus(void *mm, void *dev, uint64_t va, uint32_t n, uint64_t *bus, uint32_t *run);

/* REGISTER and UNREGISTER of so many pages from page number first on: the request's code. */
int rig_register(struct rig *rig, uint32_t first, uint32_t pages, uint32_t flags);
int rig_unregister(struct rig *rig, uint32_t first);

uint64_t rig_counter(struct rig *rig, enum ferry_counter counter);

#endif /* FERRY_TEST_CORE_RIG_H */
