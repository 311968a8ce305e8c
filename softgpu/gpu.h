/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gpu.h - what the files of the software GPU share. Nobody outside softgpu/ includes it.
 *
 *   reg write --> control.c ----------------------------+   (world stopped: no engine inside)
 *      |                                                v
 *      +--> channel.c  front end of a channel --> launch.c  blocks waiting for an SM
 *               |  copy.c  COPY, FILL                   |
 *               |  mmu.c   TLB_INVALIDATE               v
 *               +--> fault.c  fault buffer <-------- sm.c  32 resident warps each (warp.h)
 *
 * Locks, outermost first. None is held while port.irq or port.kick runs; port.dma may run under any of them.
 *   control      mutex  one control command, or power loss, at a time
 *   exclusive    mutex  one thread at a time keeps engines out (engine.c)
 *   sched        spin   launches: blocks left, blocks resident, how a launch ended; program slots
 *   fault.lock   spin   the fault buffer and its arming
 *   invalidates  spin   the log of TLB invalidates
 *   status_lock  spin   counters in the status page
 *
 * Engine state (a struct fg1_sm, a struct fg1_channel but for put) has no lock: it belongs to the thread that is
 * inside the engine, or to the thread that keeps that engine out. See engine.h.
 */
#ifndef FERRY_FG1_GPU_H
#define FERRY_FG1_GPU_H

#include "softgpu.h"
#include "mmu.h"
#include "warp.h"
#include "engine.h"

#define FG1_CHANNELS 64u
#define FG1_ASIDS 256u
#define FG1_PROGRAMS 256u
#define FG1_SMS_MAX 64u
#define FG1_ARG_REGS 7u
#define FG1_SM_WARPS 32u /* resident warps: one block of the largest size */
#define FG1_BURST 128u   /* warp instructions before the next warp, and the longest an engine keeps others out */
#define FG1_ENTRIES_MAX 65536u      /* of a ring, or of the fault buffer */
#define FG1_COPY_CHUNK (2ull << 20) /* bytes copied before an engine looks up */
#define FG1_INVALIDATE_LOG 64u
#define FG1_VA_END (1ull << 48)
#define FG1_WIPE_BYTE 0xdb /* what device memory holds after a loss */

_Static_assert(FG1_CHANNELS <= 64 && FG1_SMS_MAX <= 64, "one word has a bit per engine of a kind");
_Static_assert(FG1_SM_WARPS *FG1_WARP >= FG1_BLOCK_THREADS_MAX, "a block fits on an SM");

/* ---- faults ---- */

struct fg1_fault_buffer {
	struct ferry_os_spin lock; /* guards all of it */
	uint8_t *ring;             /* NULL: off */
	uint32_t entries_lg2;
	uint64_t put, get, dropped; /* free-running */
	bool armed;
};

/* One entry, before it is encoded. */
struct fg1_fault {
	uint64_t page_va, id;
	uint32_t access, kind, asid, engine, lanes, warp_slot, channel;
};

/* A fault id says whose stall it is, and which one of that engine's life: a stale id meets nothing. */
#define FG1_FAULT_ID(engine, slot, sequence)                                                                         \
	((uint64_t)(engine) << 56 | (uint64_t)(slot) << 48 | ((sequence)&0xffffffffffffull))
#define FG1_FAULT_ID_ENGINE(id) ((uint32_t)((id) >> 56))
#define FG1_FAULT_ID_SLOT(id) ((uint32_t)((id) >> 48) & 0xff)
#define FG1_FAULT_ENGINE_CHANNEL 255u

/* Write an entry, or count it as dropped. The caller then asks fg1_fault_wanted(). */
void fg1_fault_report(struct fg1 *gpu, const struct fg1_fault *fault);
/* Entries wait and an interrupt was asked for: true once; the caller raises it. */
bool fg1_fault_wanted(struct fg1 *gpu);
/* Registers. arm returns true when the caller must raise the interrupt now. */
void fg1_fault_get(struct fg1 *gpu, uint64_t get);
bool fg1_fault_arm(struct fg1 *gpu);
/* FAULT_BUFFER: ring NULL switches it off. control held. */
void fg1_fault_configure(struct fg1 *gpu, uint8_t *ring, uint32_t entries);

/* ---- launches ---- */

struct fg1_launch {
	/* written before the launch is active, constant while it is */
	struct fg1_launch_shape shape;
	const struct fg1_program *program;
	uint32_t program_slot;
	uint32_t block_warps;
	uint32_t share; /* blocks of it that one SM holds at most */
	uint64_t budget;
	uint64_t result_bus;
	struct ferry_os_atomic stop;  /* 0, or the FG1_LAUNCH_* it ends with: its blocks are dropped */
	struct ferry_os_atomic insns; /* thread instructions retired */
	/* sched */
	bool active;                             /* from start to the last block */
	bool ended;                              /* no SM knows it any more; the front end writes the record */
	uint64_t next;                           /* first block no SM has taken */
	uint64_t resident;                       /* blocks on SMs */
	uint64_t died;                           /* lanes cancelled */
	uint64_t fault_va, fault_access, reason; /* of the first of them; reason also of a trap */
};

struct fg1_program_slot {
	struct fg1_program *program; /* sched; NULL: free */
	uint32_t args;               /* sched: how many a launch must pass */
	uint32_t users;              /* sched: launches that run it */
};

/* ---- engines ---- */

struct fg1_block {
	struct fg1_launch *launch; /* NULL: free */
	uint32_t channel;          /* of the launch */
	uint32_t slots;            /* mask of its warps */
	uint32_t active;           /* warps with lanes that run or are stalled */
};

struct fg1_slot {
	uint32_t block;
	bool active; /* counted in its block's active */
	struct fg1_warp warp;
};

struct fg1_sm {
	struct fg1_engine engine;
	uint32_t used, runnable, stalled; /* slot masks */
	uint32_t next;                    /* slot that runs first in the next pass */
	bool idle_shown, stalled_shown;   /* our bits in gpu->sm_idle, gpu->sm_stalled */
	uint64_t replay_seen;
	uint64_t fault_sequence;
	uint64_t insns, warp_insns, stalls; /* not yet added to the device's counters */
	struct fg1_kicks kicks;             /* to be sent before the SM rests */
	uint8_t resident_of[FG1_CHANNELS];  /* blocks, by channel of the launch */
	struct fg1_block blocks[FG1_SM_WARPS];
	struct fg1_mmu mmu;
	struct fg1_slot slots[FG1_SM_WARPS];
};

struct fg1_channel {
	struct fg1_engine engine;
	bool active;
	uint32_t kind; /* FG1_CHANNEL_* */
	uint32_t asid;
	uint32_t entries;
	uint32_t error; /* FG1_ERR_*: stopped */
	uint8_t *ring, *status;
	uint64_t get;
	/* the command in progress: a copy, as the host may change the ring under us */
	bool fetched;
	uint32_t phase; /* 0: not begun; else the command's own */
	uint32_t step_error;
	uint64_t done; /* bytes, or entries */
	uint64_t deadline_ns;
	uint64_t cmd[FG1_CMD_WORDS];
	/* a virtual copy that waits for a page */
	bool stalled, cancelled;
	uint64_t stall_id, stall_replay;
	uint64_t fault_sequence;
	bool waiting_shown, stalled_shown; /* our bits in gpu->channel_waiting, gpu->channel_stalled */
	/* what to do once the command is done and the engine is left */
	bool irq_semaphore, irq_fault;
	struct fg1_kicks kicks;
	uint64_t copy_bytes; /* not yet added to the device's counter */
	struct fg1_mmu *mmu; /* made at the first virtual operand, kept to the end */
	struct fg1_launch launch;
	_Alignas(64) struct ferry_os_atomic put; /* of the last doorbell, 48 bits. Any thread */
};

/* ---- the device ---- */

struct fg1_space {
	bool bound;
	uint64_t root_bus;
};

struct fg1_invalidate_entry {
	struct ferry_os_atomic asid; /* FG1_INVALIDATE_ALL: every space */
	struct ferry_os_atomic first_page, page_count;
};
#define FG1_INVALIDATE_ALL 0xffffffffu

struct fg1 {
	struct fg1_port port;
	struct fg1_config config;
	struct fg1_sm **sms;

	struct ferry_os_mutex control, exclusive;
	struct ferry_os_spin sched, invalidates, status_lock;

	uint8_t *status; /* status page; NULL: none. control to write, with fault.lock and status_lock; any to read */
	struct fg1_space spaces[FG1_ASIDS]; /* written with the world stopped, read by engines inside */
	bool vram_dirty;                    /* control: something may have been written since the last wipe */

	struct ferry_os_atomic args[FG1_ARG_REGS], scratch, power;
	struct ferry_os_atomic knobs[FG1_KNOBS];
	struct ferry_os_atomic random;
	struct ferry_os_atomic counters[FG1_COUNTERS];

	/* Bits of engines that rest; each is set and cleared by its engine alone, before and after it looks again. */
	struct ferry_os_atomic sm_idle, sm_stalled, channel_waiting, channel_stalled;
	struct ferry_os_atomic replay;   /* replays so far */
	struct ferry_os_atomic launches; /* bit per channel whose launch has blocks left to take */
	uint32_t launch_next;            /* sched: channel that is asked first */

	struct ferry_os_atomic tlb_generation;
	struct ferry_os_atomic mmu_channels; /* bit per channel that has an mmu */
	struct fg1_invalidate_entry invalidate_log[FG1_INVALIDATE_LOG];

	struct fg1_fault_buffer fault;
	struct fg1_program_slot programs[FG1_PROGRAMS];
	struct fg1_channel channels[FG1_CHANNELS];
};

/* ---- small things ---- */

static inline bool fg1_has(const struct fg1 *gpu, uint64_t caps)
{
	return (gpu->config.caps & caps) == caps;
}

static inline uint64_t fg1_knob(const struct fg1 *gpu, enum fg1_knob knob)
{
	return ferry_os_load_relaxed(&gpu->knobs[knob]);
}

static inline void *fg1_dma(const struct fg1 *gpu, uint64_t bus, uint64_t size_bytes, bool write)
{
	if (bus + size_bytes < bus)
		return NULL;
	return gpu->port.dma(gpu->port.ctx, bus, size_bytes, write);
}

/* The same for words: NULL also when bus is not a multiple of 8. */
static inline void *fg1_dma_words(const struct fg1 *gpu, uint64_t bus, uint64_t words, bool write)
{
	return bus & 7 ? NULL : fg1_dma(gpu, bus, words * 8, write);
}

static inline void fg1_count(struct fg1 *gpu, enum fg1_counter counter, uint64_t n)
{
	if (n)
		ferry_os_fetch_add(&gpu->counters[counter], n);
}

/* knobs.c: true once in n draws. */
bool fg1_knob_draw_of(struct fg1 *gpu, uint64_t n);

/* The same for the knob's n; 0 is never. */
static inline bool fg1_knob_draw(struct fg1 *gpu, enum fg1_knob knob)
{
	uint64_t n = fg1_knob(gpu, knob);

	return __builtin_expect(n != 0, 0) && fg1_knob_draw_of(gpu, n);
}
/* fg1.c: deliver an interrupt, knobs applied. No lock, no engine inside on this thread. */
void fg1_irq(struct fg1 *gpu, uint32_t vector, bool stalled);
/* fg1.c: the status page. set: page NULL takes it away; control held. fatal: the caller raises FG1_IRQ_ERROR. */
void fg1_status_set(struct fg1 *gpu, uint8_t *page);
void fg1_status_counters(struct fg1 *gpu);
void fg1_status_counter(struct fg1 *gpu, enum fg1_counter counter);
void fg1_status_fatal(struct fg1 *gpu, uint64_t why);

/* ---- mmu.c ---- */

/* Drop translations everywhere and wait until no engine uses an old one. The caller is inside no engine. */
void fg1_mmu_invalidate(struct fg1 *gpu, uint32_t asid, uint64_t va, uint64_t size_bytes);
/* The same without the wait: engines drop it before their next access. Any context. */
void fg1_mmu_invalidate_post(struct fg1 *gpu, uint32_t asid, uint64_t va, uint64_t size_bytes);

/* ---- control.c, power.c ---- */

/* A write of FG1_REG_CMD. Process context. */
void fg1_control(struct fg1 *gpu, uint64_t value);
/* Everything is lost; device memory too unless keep_vram. control held, world stopped. */
void fg1_wipe(struct fg1 *gpu, bool keep_vram);
/* The channel and its launch end. World stopped. */
void fg1_channel_end(struct fg1 *gpu, struct fg1_channel *ch);

/* ---- channel.c ---- */

enum fg1_step {
	FG1_STEP_DONE, /* the command is finished */
	FG1_STEP_MORE, /* progress was made; call again */
	FG1_STEP_WAIT, /* something else must happen first */
	FG1_STEP_AWAY, /* the engine was left and may not be entered again now */
	FG1_STEP_ERROR /* ch->step_error; the channel stops */
};

enum fg1_turn fg1_channel_turn(struct fg1 *gpu, struct fg1_channel *ch, uint32_t *budget);
void fg1_channel_init(struct fg1 *gpu, struct fg1_channel *ch, uint32_t id);
/* A stalled copy dies. The channel is kept out. true: the id was its stall. */
bool fg1_channel_cancel(struct fg1_channel *ch, uint64_t id);

static inline enum fg1_step fg1_step_fail(struct fg1_channel *ch, uint32_t error)
{
	ch->step_error = error;
	return FG1_STEP_ERROR;
}

static inline uint32_t fg1_channel_id(const struct fg1 *gpu, const struct fg1_channel *ch)
{
	return (uint32_t)(ch - gpu->channels);
}

/* copy.c: one step each of the command in ch->cmd. */
enum fg1_step fg1_copy_step(struct fg1 *gpu, struct fg1_channel *ch);
enum fg1_step fg1_fill_step(struct fg1 *gpu, struct fg1_channel *ch);

/* launch.c */
enum fg1_step fg1_launch_step(struct fg1 *gpu, struct fg1_channel *ch);
/* Take a block for an SM with free_slots slots. NULL: nothing fits. SM inside. */
struct fg1_launch *fg1_launch_take(struct fg1 *gpu, struct fg1_sm *sm, uint32_t free_slots, uint32_t *channel,
                                   uint64_t *block);
/* A block of the launch left its SM. May be the last: the front end is then in kicks. */
void fg1_launch_block_done(struct fg1 *gpu, struct fg1_launch *launch, uint32_t channel, struct fg1_kicks *kicks);
/* First caller wins. Its blocks are dropped by the SMs that hold them. */
void fg1_launch_stop(struct fg1 *gpu, struct fg1_launch *launch, uint32_t channel, uint64_t status, uint64_t reason,
                     struct fg1_kicks *kicks);
void fg1_launch_died(struct fg1 *gpu, struct fg1_launch *launch, const struct fg1_stall *stall, uint32_t lanes,
                     uint64_t reason);
/* The channel's launch ends now, with KILLED if it was running. World stopped. */
void fg1_launch_kill(struct fg1 *gpu, struct fg1_channel *ch);

/* ---- sm.c ---- */

enum fg1_turn fg1_sm_turn(struct fg1 *gpu, struct fg1_sm *sm, uint32_t *budget);
void fg1_sm_init(struct fg1 *gpu, struct fg1_sm *sm, uint32_t index);
/* The SM is kept out. cancel: true when the id was a stall of this SM. */
bool fg1_sm_cancel(struct fg1 *gpu, struct fg1_sm *sm, uint64_t id, uint64_t page_va, uint64_t reason,
                   struct fg1_kicks *kicks);
void fg1_sm_cancel_space(struct fg1 *gpu, struct fg1_sm *sm, uint32_t asid, struct fg1_kicks *kicks);
/* Drop every block of the channel's launch. World stopped. */
void fg1_sm_drop(struct fg1 *gpu, struct fg1_sm *sm, uint32_t channel);

#endif /* FERRY_FG1_GPU_H */
