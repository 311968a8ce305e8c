/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * engine.h - who may touch an engine: one thread inside, or one thread that keeps it out.
 *
 *   state bits:  BUSY    a thread runs it (fg1_engine_run)
 *                INSIDE  that thread may touch the engine's state, device memory, and pointers from the TLB
 *                AGAIN   somebody else had work for it meanwhile
 *
 *        0 --run--> BUSY|INSIDE --leave--> BUSY --enter--> BUSY|INSIDE --rest--> 0
 *                        |            (port.irq, port.kick,     |
 *                        |             waits happen here)       |
 *                        +---- hold: wait while INSIDE, enter is refused until unhold ----+
 *
 * The thread of an engine leaves before it calls out or waits, and reads everything anew after it has entered
 * again. So who keeps engines out (a control command, a cancel, power loss) waits for a burst at most, never for
 * the driver, and may itself be called from a driver's handler that an engine's thread runs.
 *
 * Lost work: run() of a BUSY engine sets AGAIN, and the runner does not rest while it is set. An engine that hold
 * turned away sets denied; unhold asks for a kick of it. Both are "write mine, then look at yours" on both sides,
 * with full barriers between.
 */
#ifndef FERRY_FG1_ENGINE_H
#define FERRY_FG1_ENGINE_H

#include "ferry/os.h"

struct fg1;
struct fg1_mmu;

#define FG1_ENGINE_BUSY 1ull
#define FG1_ENGINE_AGAIN 2ull
#define FG1_ENGINE_INSIDE 4ull

struct fg1_engine {
	_Alignas(64) struct ferry_os_atomic state;
	struct ferry_os_atomic hold;   /* threads that keep it out: 0 or 1 */
	struct ferry_os_atomic denied; /* it was turned away */
	struct fg1_mmu *mmu;           /* entered and left with the engine; NULL: it translates nothing */
	uint32_t index;
};

/* Engines that want port.kick; sent when no lock is held and no engine is inside on this thread. */
struct fg1_kicks {
	uint64_t sms, channels;
};

enum fg1_turn {
	FG1_TURN_IDLE, /* nothing to do now; still inside */
	FG1_TURN_MORE, /* budget used up; still inside */
	FG1_TURN_AWAY  /* turned away: outside */
};

/* enter: false: kept out; the engine is outside, and will be kicked. leave: see above. */
bool fg1_engine_enter(struct fg1_engine *e) FERRY_MUST_CHECK;
void fg1_engine_leave(struct fg1_engine *e);
/* Between two pieces of work: false when somebody wants the engine out, and it is outside now. */
bool fg1_engine_stay_slow(struct fg1_engine *e) FERRY_MUST_CHECK;
static inline bool FERRY_MUST_CHECK fg1_engine_stay(struct fg1_engine *e)
{
	if (__builtin_expect(ferry_os_load_acquire(&e->hold) == 0, 1))
		return true;
	return fg1_engine_stay_slow(e);
}

/* Leave, call out, enter. false as above. */
bool fg1_engine_irq(struct fg1 *gpu, struct fg1_engine *e, uint32_t vector, bool stalled) FERRY_MUST_CHECK;
bool fg1_engine_kick(struct fg1 *gpu, struct fg1_engine *e, struct fg1_kicks *kicks) FERRY_MUST_CHECK;
/* Send and empty. No lock, no engine inside on this thread. */
void fg1_kick(struct fg1 *gpu, struct fg1_kicks *kicks);

/*
 * Keep one engine out, or all. The caller holds gpu->exclusive and is inside no engine. When hold returns the
 * caller owns the engine's state, until unhold.
 */
void fg1_hold(struct fg1_engine *e);
void fg1_unhold(struct fg1 *gpu, struct fg1_engine *e, struct fg1_kicks *kicks);
void fg1_world_stop(struct fg1 *gpu);
void fg1_world_start(struct fg1 *gpu, struct fg1_kicks *kicks);

#endif /* FERRY_FG1_ENGINE_H */
