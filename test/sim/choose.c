/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose.h"

#define PCT_POINTS 16u

static const struct choose_plan *plan;
static uint64_t rng;
static uint64_t pct_seen; /* who was ready when the one who runs was chosen, and ranks below it */
static uint32_t pct_best; /* and that one; SIM_FIBERS: look at all */
static uint64_t pct_at[PCT_POINTS];
static uint64_t draws; /* of next_random() */
static uint32_t draws_left, stay;
static uint64_t rank_seed;
static uint32_t pct_next;
static uint64_t pct_change; /* the step at which the one who runs becomes the last */
static int32_t pct_low;
static size_t byte_at;
static uint32_t forced_at[SIM_FIBERS]; /* where in the list a fiber's next entry may be */
static uint32_t (*raw)(struct sim_fiber *me);

uint64_t choose_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

/* Who is ready but for a fiber that has just said that it spins. */
static inline uint64_t candidates(const struct sim_fiber *me)
{
	uint64_t ready = sim.ready;

	if (__builtin_expect(me->op == SIM_OP_RELAX, 0) && (ready & ~me->bit))
		ready &= ~me->bit;
	return ready;
}

static inline uint32_t usual(const struct sim_fiber *me)
{
	uint64_t ready = candidates(me);

	return ready & me->bit ? me->id : (uint32_t)__builtin_ctzll(ready);
}

static uint32_t next_calm(struct sim_fiber *me)
{
	return usual(me);
}

static uint32_t next_turn(struct sim_fiber *me)
{
	uint64_t ready = candidates(me);
	uint64_t after = me->id == 63 ? 0 : ready & ~((2ull << me->id) - 1);

	return (uint32_t)__builtin_ctzll(after ? after : ready);
}

/* The k-th bit of set, which has more than k. */
static inline uint32_t nth_bit(uint64_t set, uint32_t k)
{
	for (; k > 0; k--)
		set &= set - 1;
	return (uint32_t)__builtin_ctzll(set);
}

static inline __attribute__((always_inline)) uint32_t next_of(struct sim_fiber *me,
                                                              uint32_t (*nth)(uint64_t set, uint32_t k))
{
	uint64_t ready = candidates(me);
	uint32_t r;

	if (!(ready & (ready - 1)))
		return (uint32_t)__builtin_ctzll(ready);
	/* A draw is good for three choices: 4 bits for staying, 16 for whom. */
	if (!draws_left) {
		draws = choose_random(&rng);
		draws_left = 3;
	}
	draws_left--;
	r = (uint32_t)draws;
	draws >>= 20;
	if ((r & 15) < stay && (ready & me->bit))
		return me->id;
	return nth(ready, (r >> 4 & 0xffff) * (uint32_t)__builtin_popcountll(ready) >> 16);
}

static uint32_t next_random(struct sim_fiber *me)
{
	return next_of(me, nth_bit);
}

#if defined(__x86_64__)
/* Who it is is not to be foreseen: a loop over the bits costs a wrong guess of the processor's each time. */
#define BITS __attribute__((target("bmi,bmi2,popcnt")))
BITS static inline __attribute__((always_inline)) uint32_t nth_bit_at_once(uint64_t set, uint32_t k)
{
	return (uint32_t)__builtin_ctzll(__builtin_ia32_pdep_di(1ull << k, set));
}

BITS static uint32_t next_random_at_once(struct sim_fiber *me)
{
	return next_of(me, nth_bit_at_once);
}

static bool can_at_once(void)
{
	return __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}
#else
#define next_random_at_once next_random
static bool can_at_once(void)
{
	return false;
}
#endif

/* The step of the next change, if there is one. */
static void next_change(void)
{
	pct_change = pct_next + 1 < plan->depth && pct_next < PCT_POINTS ? pct_at[pct_next++] : UINT64_MAX;
}

static uint32_t next_pct(struct sim_fiber *me)
{
	uint64_t ready = candidates(me), left;
	uint32_t best = pct_best;

	if (sim.steps >= pct_change) {
		next_change();
		me->priority = --pct_low;
		best = SIM_FIBERS;
	} else if (me->op == SIM_OP_RELAX) {
		me->priority = --pct_low;
		best = SIM_FIBERS;
	}
	if (best == me->id && (ready & me->bit)) {
		/* It is still before those it was chosen from. */
		left = ready & ~pct_seen;
	} else {
		best = (uint32_t)__builtin_ctzll(ready);
		left = ready & (ready - 1);
	}
	for (; left; left &= left - 1) {
		uint32_t id = (uint32_t)__builtin_ctzll(left);

		if (sim.fiber[id].priority > sim.fiber[best].priority)
			best = id;
	}
	pct_seen = ready;
	pct_best = best;
	return best;
}

static uint32_t next_bytes(struct sim_fiber *me)
{
	uint64_t ready = candidates(me);
	uint32_t k;

	if (!(ready & (ready - 1)) || byte_at >= plan->byte_count)
		return usual(me);
	for (k = plan->bytes[byte_at++] % (uint32_t)__builtin_popcountll(ready); k > 0; k--)
		ready &= ready - 1;
	return (uint32_t)__builtin_ctzll(ready);
}

/* The entry for the choice that me meets now, or NULL. */
static const struct choose_forced *forced(const struct sim_fiber *me, enum sim_choice what)
{
	const struct choose_list *l = plan->list;
	uint32_t at = forced_at[me->id];

	for (; at < l->count; at++) {
		if (l->of[at].fiber != me->id || l->of[at].nth < me->nth)
			continue;
		forced_at[me->id] = at;
		return l->of[at].nth == me->nth && l->of[at].what == what ? &l->of[at] : NULL;
	}
	forced_at[me->id] = at;
	return NULL;
}

static uint32_t next_forced(struct sim_fiber *me)
{
	const struct choose_forced *f = forced(me, SIM_CHOICE_NEXT);

	return f && f->value < SIM_FIBERS && (candidates(me) >> f->value & 1) ? f->value : usual(me);
}

static void record(const struct sim_fiber *me, enum sim_choice what, uint32_t value)
{
	struct choose_list *l = plan->record;

	if (l->count == CHOOSE_FORCED_MAX)
		l->overflow = true;
	else
		l->of[l->count++] = (struct choose_forced){me->nth, (uint8_t)me->id, (uint8_t)what, (uint16_t)value};
}

static uint32_t next_recorded(struct sim_fiber *me)
{
	uint32_t next = sim.tail ? next_turn(me) : raw(me);

	if (next != usual(me))
		record(me, SIM_CHOICE_NEXT, next);
	return next;
}

void choose_tail(void)
{
	sim.tail = true;
	/* Who records, or explores, goes on being asked. */
	if (sim.next == raw)
		sim.next = next_turn;
}

uint32_t sim_choose(enum sim_choice what, uint32_t n)
{
	struct sim_fiber *me = sim.me;
	const struct choose_forced *f;
	uint32_t value = 0;

	if (sim.calm || sim.tail || n < 2)
		return 0;
	me->nth++;
	switch (plan->kind) {
	case CHOOSE_RANDOM:
	case CHOOSE_PCT:
		if (plan->chance[what] && choose_random(&rng) % plan->chance[what] == 0)
			value = 1 + (uint32_t)(choose_random(&rng) % (n - 1));
		break;
	case CHOOSE_BYTES:
		/* Rare, or a fuzzer's first bytes would break everything at once. */
		if (plan->chance[what] && byte_at < plan->byte_count && plan->bytes[byte_at++] >= 240)
			value = 1 + plan->bytes[byte_at - 1] % (n - 1);
		break;
	case CHOOSE_FORCED:
		f = forced(me, what);
		value = f && f->value < n ? f->value : 0;
		break;
	case CHOOSE_CALM:
		break;
	}
	if (value && plan->record)
		record(me, what, value);
	if (value && (what == SIM_CHOICE_IRQ || what == SIM_CHOICE_TIMEOUT))
		sim.may_time_out = true;
	return value;
}

int32_t choose_rank(uint32_t id)
{
	return 1 + (int32_t)(sim_mix(sim_mix(rank_seed, id + 1), id) >> 34);
}

static void start_pct(void)
{
	uint64_t steps = plan->steps ? plan->steps : 100;
	uint32_t n = plan->depth > PCT_POINTS ? PCT_POINTS : plan->depth;

	pct_next = 0;
	pct_low = 0;
	for (uint32_t i = 0; i + 1 < n; i++)
		pct_at[i] = choose_random(&rng) % steps;
	/* In order; there are few. */
	for (uint32_t i = 1; i + 1 < n; i++) {
		for (uint32_t j = i; j > 0 && pct_at[j] < pct_at[j - 1]; j--) {
			uint64_t t = pct_at[j];

			pct_at[j] = pct_at[j - 1];
			pct_at[j - 1] = t;
		}
	}
	rank_seed = choose_random(&rng);
	for (uint32_t i = 0; i < sim.fibers; i++)
		sim.fiber[i].priority = choose_rank(i);
	pct_best = SIM_FIBERS;
	next_change();
}

void choose_portfolio(uint64_t i, struct choose_plan *out)
{
	static const uint8_t stays[] = {0, 8, 0, 14};

	if (i % 8 < 4) {
		out->kind = CHOOSE_RANDOM;
		out->stay = stays[i % 4];
	} else {
		out->kind = CHOOSE_PCT;
		out->depth = 2 + (uint32_t)(i % 4);
	}
}

void choose_start(const struct choose_plan *p)
{
	static uint32_t (*const how[])(struct sim_fiber * me) = {next_calm, next_random, next_pct, next_bytes,
	                                                         next_forced};

	plan = p;
	rng = p->seed * 0x9e3779b97f4a7c15ull + 0xd1b54a32d192ed03ull;
	if (!rng)
		rng = 1;
	choose_random(&rng);
	choose_random(&rng);
	byte_at = 0;
	draws_left = 0;
	stay = p->stay;
	if (p->kind == CHOOSE_PCT)
		start_pct();
	if (p->kind == CHOOSE_FORCED)
		memset(forced_at, 0, sizeof(forced_at));
	if (p->record) {
		p->record->count = 0;
		p->record->overflow = false;
	}
	raw = p->kind == CHOOSE_RANDOM && can_at_once() ? next_random_at_once : how[p->kind];
	sim.next = p->record ? next_recorded : raw;
}

void choose_print(const struct choose_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct choose_forced *f = &list->of[i];

		if (f->what == SIM_CHOICE_NEXT)
			printf("%s%u.%u>%u", i ? " " : "", f->fiber, f->nth, f->value);
		else
			printf("%s%u.%u!%u:%u", i ? " " : "", f->fiber, f->nth, f->what, f->value);
	}
}

static bool number(const char **at, unsigned long max, unsigned long *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*out = strtoul(*at, &end, 10);
	*at = end;
	return *out <= max;
}

bool choose_parse(const char *text, struct choose_list *list, const char **bad)
{
	unsigned long fiber, nth, what, value;

	list->count = 0;
	list->overflow = false;
	for (;;) {
		while (*text == ' ')
			text++;
		*bad = text;
		if (!*text)
			return true;
		if (!number(&text, SIM_FIBERS - 1, &fiber) || *text++ != '.' || !number(&text, UINT32_MAX, &nth))
			return false;
		what = SIM_CHOICE_NEXT;
		if (*text == '!') {
			text++;
			if (!number(&text, SIM_CHOICES - 1, &what) || *text++ != ':')
				return false;
		} else if (*text++ != '>') {
			return false;
		}
		if (!number(&text, 255, &value) || (*text && *text != ' ') || list->count == CHOOSE_FORCED_MAX)
			return false;
		list->of[list->count++] =
			(struct choose_forced){(uint32_t)nth, (uint8_t)fiber, (uint8_t)what, (uint16_t)value};
	}
}
