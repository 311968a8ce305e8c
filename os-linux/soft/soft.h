/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * soft.h - the objects of ferry_soft.ko: software GPUs (softgpu/) on platform devices.
 *
 *   ferry-soft.0 (platform device)                    module.c  parameters, devices
 *     soft_node: one /dev/ferryN                      node.c    probe, remove
 *       soft_gpu 0..D-1: one FG-1 each                gpu.c     life, what ferry.ko calls
 *         soft_engines: a thread per SM, one for      engine.c
 *           the channels
 *         soft_irq: a virtual interrupt per vector    irq.c
 *         soft_dma: the pages the device may reach    dma.c
 *         files in debugfs                            knobs.c
 *
 * Errors inside: enum ferry_error, as in the model and in ferry.ko; negative errno towards the
 * kernel (module.c, node.c).
 */
#ifndef FERRY_SOFT_H
#define FERRY_SOFT_H

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "ferry_device.h"
#include "softgpu.h"

struct dentry;
struct device;
struct fwnode_handle;
struct irq_domain;
struct task_struct;
struct soft_gpu;

#define SOFT_SMS_MAX 64u

/* ---- what the device may reach ---- */

#define SOFT_DMA_RECENT 64u

struct soft_dma_chunk; /* dma.c */

struct soft_dma {
	struct xarray chunks; /* physical address >> 21 -> chunk, kept to the end */
	struct soft_dma_chunk *recent[SOFT_DMA_RECENT]; /* some of them, by the low bits */
	spinlock_t lock;				/* counts in chunks; which chunks exist */
};

void soft_dma_init(struct soft_dma *dma);
void soft_dma_fini(struct soft_dma *dma);
/*
 * count pages from page on may be reached once more. FERRY_E_HOST_MAP, FERRY_E_HOST_FULL. Process
 * context.
 */
int soft_dma_map(struct soft_dma *dma, struct page *page, u32 count);
/* Takes one soft_dma_map() back. Allocates nothing. Process context. */
void soft_dma_unmap(struct soft_dma *dma, u64 bus, u32 count);
/* The memory at [bus, bus + size_bytes), NULL when any page of it is not mapped. Any context. */
void *soft_dma_reach(struct soft_dma *dma, u64 bus, u64 size_bytes);

/* ---- interrupts ---- */

struct soft_vector {
	struct irq_work work; /* raises it in hard interrupt context */
	atomic_t raised;      /* how often since work last ran */
	unsigned int virq;
	u32 vector;
	struct soft_irq *irq;
	char name[32]; /* in /proc/interrupts */
};

struct soft_irq {
	struct fwnode_handle *node;
	struct irq_domain *domain;
	struct soft_vector vectors[FG1_IRQ_VECTORS];
	bool on;	 /* a handler is installed; the device asks before it raises one */
	ferry_irq_fn fn; /* written before the first request_irq() */
	void *arg;
};

/* name: of the GPU, for what people see. FERRY_E_NOMEM. Process context; fini too. */
int soft_irq_init(struct soft_irq *irq, const char *name);
void soft_irq_fini(struct soft_irq *irq);
/* See ferry_device_desc. FERRY_E_NOMEM. */
int soft_irq_enable(struct soft_irq *irq, ferry_irq_fn fn, void *arg);
void soft_irq_disable(struct soft_irq *irq);
/* The device raises a vector. Any context. */
void soft_irq_raise(struct soft_irq *irq, u32 vector);

/* ---- threads ---- */

struct soft_thread {
	struct task_struct *task;
	struct soft_gpu *gpu;
	u32 engine; /* of the model; of the channels' thread: its first channel's */
	atomic_t news ____cacheline_aligned_in_smp; /* 1: look at the engine (again) */
};

struct soft_engines {
	u32 sms;
	bool inline_channels;
	atomic64_t channels;	     /* bit per channel that has work and that nobody looks after */
	struct soft_thread *threads; /* sms of SMs, then one for channels */
};

/*
 * FERRY_E_NOMEM, FERRY_E_THREAD. Process context; fini too: the model's engines are idle or
 * dropped.
 */
int soft_engines_init(struct soft_gpu *gpu, u32 sms, bool inline_channels);
void soft_engines_fini(struct soft_gpu *gpu);
/* An engine has work: the model's port.kick. Any context. */
void soft_engines_kick(struct soft_gpu *gpu, u32 engine);
/*
 * Run the channels that were kicked on this thread, or hand them to theirs. After every call into
 * the model that may kick: so channels never run on top of each other on one stack.
 */
void soft_engines_drain(struct soft_gpu *gpu);

/* ---- GPUs ---- */

/* A file of debugfs. */
struct soft_file {
	struct soft_gpu *gpu;
	u32 index; /* enum fg1_knob, enum fg1_counter */
};

struct soft_gpu {
	struct fg1 *fg1;
	void *vram;
	struct soft_dma dma;
	struct soft_irq irq;
	struct soft_engines engines;
	char name[24]; /* ferry-soft.0, or ferry-soft.0-gpu1 where there are several */
	char tag[8];   /* the same for threads: 0/1 */
	struct soft_file knobs[FG1_KNOBS], counters[FG1_COUNTERS];
};

struct soft_gpu_config {
	u64 vram_bytes;
	u64 caps; /* FG1_CAP_* */
	u64 seed;
	u32 sms;
	bool inline_channels;
};

/* Node and GPU number for names; alone: the node's only GPU. FERRY_E_NOMEM, FERRY_E_THREAD. */
int soft_gpu_create(const struct soft_gpu_config *config, u32 node, u32 id, bool alone,
		    struct soft_gpu **out);
/* Nobody calls it any more. */
void soft_gpu_destroy(struct soft_gpu *gpu);
/* How ferry.ko reaches it. */
void soft_gpu_describe(struct soft_gpu *gpu, struct ferry_device_desc *desc);

/* ---- debugfs. What cannot be made is left out. ---- */

/* The GPU's files, in a folder of parent's. They must be gone before the GPU is. */
void soft_knobs_add(struct soft_gpu *gpu, u32 id, struct dentry *parent);

/* ---- the driver ---- */

/* What module parameters say of every GPU, and how many a node has. Constant after init. */
extern struct soft_gpu_config soft_config;
extern u32 soft_devices;
/* node.c; the error of the last probe, as the driver core keeps it to itself. */
extern struct platform_driver soft_driver;
extern int soft_probe_error;

#endif /* FERRY_SOFT_H */
