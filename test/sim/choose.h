/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * choose.h - strategies: who goes on, and what goes wrong.
 *
 *     random   anybody who is ready, each time; stay: how many of 16 times the one who runs stays
 *     pct      everybody has a rank, the first who is ready runs; depth - 1 times in a run the one who runs becomes
 * the last. Finds a bug of that depth with probability 1 / (fibers * steps^(depth - 1)) at least bytes    a byte a
 * choice: what a fuzzer writes forced   a list of choices; otherwise: stay, else the lowest
 *
 * A choice is named by who met it and how many that fiber had met, so a list stays meaningful when one of it is taken
 * away: that is what shrinking does.
 */
#ifndef FERRY_SIM_CHOOSE_H
#define FERRY_SIM_CHOOSE_H

#include "sim.h"

enum choose_kind { CHOOSE_CALM = 0, CHOOSE_RANDOM, CHOOSE_PCT, CHOOSE_BYTES, CHOOSE_FORCED };

struct choose_forced {
	uint32_t nth;
	uint8_t fiber;
	uint8_t what; /* enum sim_choice */
	uint16_t value;
};

#define CHOOSE_FORCED_MAX 65536u

struct choose_list {
	struct choose_forced of[CHOOSE_FORCED_MAX];
	uint32_t count;
	bool overflow;
};

struct choose_plan {
	enum choose_kind kind;
	uint64_t seed;
	uint32_t stay;                /* random */
	uint32_t depth;               /* pct: 1.. */
	uint64_t steps;               /* pct: how long a run is thought to be */
	uint32_t chance[SIM_CHOICES]; /* random, pct: 1 in so many goes wrong; 0 = never */
	const uint8_t *bytes;         /* bytes */
	size_t byte_count;
	const struct choose_list *list; /* forced */
	struct choose_list *record;     /* every choice that was not usual; NULL */
};

/*
 * The portfolio, by the number of the run: no strategy finds everything. Random with and without a liking for the one
 * who runs, and PCT at depths 2 to 5.
 */
void choose_portfolio(uint64_t i, struct choose_plan *plan);

/* Before each run. The plan is kept by reference. */
void choose_start(const struct choose_plan *plan);

/* PCT's rank of a fiber that begins. It depends on the seed and the number, not on when that is. */
int32_t choose_rank(uint32_t id);
/* From here on everybody in turn, to the end. */
void choose_tail(void);

/* Text of a list and back: "3.17>5 4.2!1:1". false: it does not parse; *bad says where. */
void choose_print(const struct choose_list *list);
bool choose_parse(const char *text, struct choose_list *list, const char **bad);

uint64_t choose_random(uint64_t *state);

#endif /* FERRY_SIM_CHOOSE_H */
