/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * softgpu.h - the software GPU: an FG-1 device in C, for ports to put behind a bus.
 *
 *            registers                 fg1_engine_run()
 *   driver ------------> fg1_reg_*  +-------------------- the port's threads (or fibers, or softirqs)
 *     ^                     |       v
 *     |  port.irq           |   engines: SM 0..n-1, then copy/front-end engines
 *     +---------------------+       |  port.dma(bus address) -> host memory
 *                                   v
 *                                 vram (an array the port gives)
 *
 * The model knows the FG-1 registers and os.h, never the core. It has no thread of its own: an engine with work
 * asks port.kick(), and the port arranges that fg1_engine_run() is called for it, from any thread, soon. Calling
 * it when there is nothing to do is legal; two threads may call it for the same engine (one runs, the other
 * returns at once and its work is seen by the first).
 *
 * Behaviour is docs/fg1.md. Memory order: an engine's accesses to host and device memory that a command
 * orders (semaphore, TLB invalidate, launch end) are ordered with acquire/release; program loads and stores are
 * relaxed atomics of their size where aligned.
 */
#ifndef FERRY_SOFTGPU_H
#define FERRY_SOFTGPU_H

#include "ferry/os.h"
#include "ferry/fg1.h"

struct fg1; /* one device */

struct fg1_port {
	void *ctx;
	/*
	 * dma: the port's pointer to [bus, bus + size_bytes), or NULL when any of it is not mapped for this device.
	 * The pointer stays valid while the driver keeps the memory mapped, and equals bus modulo 4096. Any thread
	 * that runs the device, also under the model's locks: it must not write registers.
	 */
	void *(*dma)(void *ctx, uint64_t bus, uint64_t size_bytes, bool write);
	/*
	 * irq: deliver vector. stalled says that the calling engine has nothing to run until the driver acts, so the
	 * port may let the driver's bottom half run on this very thread. Called with no model lock held.
	 */
	void (*irq)(void *ctx, uint32_t vector, bool stalled);
	/* kick: engine (see fg1_engines) has work. Called with no model lock held; may call fg1_engine_run. */
	void (*kick)(void *ctx, uint32_t engine);
};

struct fg1_config {
	void *vram;          /* vram_bytes, aligned to 2 MiB if huge pages shall be fast; the port owns it */
	uint64_t vram_bytes; /* multiple of 2 MiB, at least one */
	uint32_t sms;        /* 1..64 */
	uint64_t caps;       /* FG1_CAP_* the device has */
	uint64_t seed;       /* of the knobs' choices */
};

/* 0, FERRY_E_INVAL, FERRY_E_NOMEM. Process context. */
int fg1_create(const struct fg1_config *config, const struct fg1_port *port, struct fg1 **out);
/* No thread may be inside. Ends everything. */
void fg1_destroy(struct fg1 *gpu);

/* Registers. Any context for reads; writes may run a copy engine through port.kick. */
uint64_t fg1_reg_read(struct fg1 *gpu, uint32_t offset);
void fg1_reg_write(struct fg1 *gpu, uint32_t offset, uint64_t value);

/* Engines: 0..sms-1 are SMs, then one front end per channel: engine = sms + channel id. */
uint32_t fg1_engines(const struct fg1 *gpu);
uint32_t fg1_channels(const struct fg1 *gpu); /* FG1_LIMIT_CHANNELS */

/*
 * Run an engine for at most budget units (warp instructions, or commands). true: more could be done now;
 * false: idle, stalled or someone else runs it. Process context, no lock that the driver's handlers take.
 */
bool fg1_engine_run(struct fg1 *gpu, uint32_t engine, uint32_t budget);

/*
 * Faults on request. Each knob is a number; 0 switches it off. "1 in n" are drawn from the seed. Process context, no
 * lock that the driver's handlers take.
 */
enum fg1_knob {
	FG1_KNOB_IRQ_LOSE = 0,  /* 1 in n interrupts is lost */
	FG1_KNOB_IRQ_DOUBLE,    /* 1 in n is delivered twice */
	FG1_KNOB_COPY_DELAY_NS, /* each copy or fill command takes this much longer */
	FG1_KNOB_FAULT_ENTRIES, /* the fault buffer acts as if it had n entries: overflow */
	FG1_KNOB_POISON_PAGE,   /* device page n - 1 has an uncorrectable error */
	FG1_KNOB_HANG,          /* nonzero: channels stop making progress; FG1_HANG_SEEN: and the device says so */
	FG1_KNOB_OFF_BUS,       /* nonzero: the device is gone: reads all ones, writes vanish, engines stop; then 0:
	                         * it is back, with everything lost */
	FG1_KNOB_COPY_FAIL,     /* 1 in n copy commands stops its channel with FG1_ERR_DMA */
	FG1_KNOB_FAULT_DOUBLE,  /* 1 in n fault entries is written twice */
	FG1_KNOB_CONTROL_WAITS, /* nonzero: control commands are answered when no engine is stopped by faults, as by a
	                         * firmware that has to bring the engines to rest first */
	FG1_KNOBS
};
#define FG1_HANG_SEEN 2ull
void fg1_knob_set(struct fg1 *gpu, enum fg1_knob knob, uint64_t value);
uint64_t fg1_knob_get(struct fg1 *gpu, enum fg1_knob knob);
/* What a port calls them where people set them: "irq-lose". NULL for what is none. Any context. */
const char *fg1_knob_name(enum fg1_knob knob);

/* Power and reset as the machine would do it: registers (and, unless kept, device memory) are wiped. */
void fg1_power_loss(struct fg1 *gpu, bool keep_vram);

uint64_t fg1_counter_get(struct fg1 *gpu, enum fg1_counter counter);
const char *fg1_counter_name(enum fg1_counter counter); /* "warp_insns"; as above */

/* ---- program checking, also used without a device (fuzzing, the loader in the library) ---- */

struct fg1_program;
/*
 * Check and pre-decode count instructions of 8 bytes. 0 and *out, FERRY_E_NOMEM, or FERRY_E_PROGRAM_* with *why
 * (enum fg1_program_error) and *at (instruction index) set.
 */
int fg1_program_load(const void *insns, uint32_t count, uint32_t args, uint64_t caps, struct fg1_program **out,
                     enum fg1_program_error *why, uint32_t *at);
void fg1_program_free(struct fg1_program *program);

#endif /* FERRY_SOFTGPU_H */
