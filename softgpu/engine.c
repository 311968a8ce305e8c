/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* engine.c - claiming, entering, leaving and keeping out. The protocol is in engine.h. */
#include "gpu.h"

static struct fg1_engine *engine_at(struct fg1 *gpu, uint32_t index)
{
	if (index < gpu->config.sms)
		return &gpu->sms[index]->engine;
	if (index - gpu->config.sms < FG1_CHANNELS)
		return &gpu->channels[index - gpu->config.sms].engine;
	return NULL;
}

/* True: this thread runs the engine and is inside (not yet admitted). False: the runner has been told. */
static bool claim(struct fg1_engine *e)
{
	if (ferry_os_cmpxchg(&e->state, 0, FG1_ENGINE_BUSY | FG1_ENGINE_INSIDE) == 0)
		return true;
	if (ferry_os_fetch_or(&e->state, FG1_ENGINE_BUSY | FG1_ENGINE_AGAIN) & FG1_ENGINE_BUSY)
		return false;
	ferry_os_fetch_add(&e->state, FG1_ENGINE_INSIDE - FG1_ENGINE_AGAIN);
	return true;
}

/* INSIDE is set: may it stay? If not, it is outside afterwards. */
static bool admit(struct fg1_engine *e)
{
	/* pairs with fg1_hold(): we set INSIDE, then look at hold; it raises hold, then looks at INSIDE */
	if (ferry_os_load_acquire(&e->hold) != 0) {
		/* pairs with fg1_unhold(): we set denied, then look at hold; it lowers hold, then takes denied */
		ferry_os_xchg(&e->denied, 1);
		if (ferry_os_load_acquire(&e->hold) != 0) {
			ferry_os_fetch_add(&e->state, 0 - FG1_ENGINE_INSIDE);
			return false;
		}
	}
	if (e->mmu)
		fg1_mmu_enter(e->mmu);
	return true;
}

bool fg1_engine_enter(struct fg1_engine *e)
{
	ferry_os_fetch_add(&e->state, FG1_ENGINE_INSIDE);
	return admit(e);
}

void fg1_engine_leave(struct fg1_engine *e)
{
	if (e->mmu)
		fg1_mmu_leave(e->mmu);
	ferry_os_fetch_add(&e->state, 0 - FG1_ENGINE_INSIDE);
}

bool fg1_engine_stay_slow(struct fg1_engine *e)
{
	fg1_engine_leave(e);
	return fg1_engine_enter(e);
}

/*
 * The runner wants to rest after turn. True: it no longer owns the engine. False: there is more to look at, it
 * owns the engine and is inside (not yet admitted).
 */
static bool rest(struct fg1_engine *e, enum fg1_turn turn)
{
	uint64_t state = turn == FG1_TURN_AWAY ? FG1_ENGINE_BUSY : FG1_ENGINE_BUSY | FG1_ENGINE_INSIDE;

	if (turn != FG1_TURN_AWAY && e->mmu)
		fg1_mmu_leave(e->mmu);
	if (turn == FG1_TURN_MORE) {
		ferry_os_xchg(&e->state, 0); /* AGAIN is covered: the caller is told that there is more */
		return true;
	}
	if (ferry_os_cmpxchg(&e->state, state, 0) == state)
		return true;
	ferry_os_fetch_add(&e->state,
	                   turn == FG1_TURN_AWAY ? FG1_ENGINE_INSIDE - FG1_ENGINE_AGAIN : 0 - FG1_ENGINE_AGAIN);
	return false;
}

bool fg1_engine_run(struct fg1 *gpu, uint32_t engine, uint32_t budget)
{
	struct fg1_engine *e = engine_at(gpu, engine);
	enum fg1_turn turn;

	if (!e || !budget || !claim(e))
		return false;
	do {
		turn = FG1_TURN_AWAY;
		if (admit(e)) {
			if (!budget)
				turn = FG1_TURN_MORE; /* others keep asking; the caller decides how long we go on */
			else if (engine < gpu->config.sms)
				turn = fg1_sm_turn(gpu, gpu->sms[engine], &budget);
			else
				turn = fg1_channel_turn(gpu, &gpu->channels[engine - gpu->config.sms], &budget);
		}
		budget -= budget ? 1 : 0;
	} while (!rest(e, turn));
	return turn == FG1_TURN_MORE;
}

bool fg1_engine_irq(struct fg1 *gpu, struct fg1_engine *e, uint32_t vector, bool stalled)
{
	fg1_engine_leave(e);
	fg1_irq(gpu, vector, stalled);
	return fg1_engine_enter(e);
}

bool fg1_engine_kick(struct fg1 *gpu, struct fg1_engine *e, struct fg1_kicks *kicks)
{
	struct fg1_kicks now = *kicks;

	*kicks = (struct fg1_kicks){0, 0};
	fg1_engine_leave(e);
	fg1_kick(gpu, &now);
	return fg1_engine_enter(e);
}

void fg1_kick(struct fg1 *gpu, struct fg1_kicks *kicks)
{
	for (; kicks->sms; kicks->sms &= kicks->sms - 1)
		gpu->port.kick(gpu->port.ctx, ferry_os_ctz64(kicks->sms));
	for (; kicks->channels; kicks->channels &= kicks->channels - 1)
		gpu->port.kick(gpu->port.ctx, gpu->config.sms + ferry_os_ctz64(kicks->channels));
}

void fg1_hold(struct fg1_engine *e)
{
	ferry_os_fetch_add(&e->hold, 1);
	/* Bounded by the engine's next look at hold: a burst, a piece of a copy. */
	while (ferry_os_load_acquire(&e->state) & FG1_ENGINE_INSIDE)
		ferry_os_relax();
}

void fg1_unhold(struct fg1 *gpu, struct fg1_engine *e, struct fg1_kicks *kicks)
{
	ferry_os_fetch_add(&e->hold, (uint64_t)-1);
	if (!ferry_os_xchg(&e->denied, 0))
		return;
	if (e->index < gpu->config.sms)
		kicks->sms |= 1ull << e->index;
	else
		kicks->channels |= 1ull << (e->index - gpu->config.sms);
}

void fg1_world_stop(struct fg1 *gpu)
{
	ferry_os_mutex_lock(&gpu->exclusive);
	for (uint32_t i = 0; i < fg1_engines(gpu); i++)
		fg1_hold(engine_at(gpu, i));
}

void fg1_world_start(struct fg1 *gpu, struct fg1_kicks *kicks)
{
	for (uint32_t i = fg1_engines(gpu); i-- > 0;)
		fg1_unhold(gpu, engine_at(gpu, i), kicks);
	ferry_os_mutex_unlock(&gpu->exclusive);
}
