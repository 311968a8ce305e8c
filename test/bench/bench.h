/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench.h - how a bench says what it measured. scripts/bench.py runs every program of test/bench/ and reads its
 * standard output; it knows two kinds of lines and shows the rest only when the program fails.
 *
 *   bench id=ID unit=UNIT ours=X peer=Y peer_name=NAME limit=Z target=TARGET
 *
 *     ID      names the row for ever: gpu-fault-4k
 *     UNIT    ns, us, GB/s, Minsn/s ...
 *     X       a number: what Ferry does
 *     Y       the same of the peer, measured in this run, interleaved with ours; - when there is none
 *     NAME    of the peer: uffd-sigbus
 *     Z       what the machine cannot beat (a plain copy loop, a cache miss); - when not measured
 *     TARGET  what it should be; - when nothing was promised. A comparison, or several joined by commas:
 *             ours<=1200    the number itself
 *             peer<=1.5     ours / peer
 *             limit>=0.9    ours / limit
 *
 *   NAME VALUE UNIT
 *
 *     a number without a promise, shown below the table.
 *
 * No field contains a blank. A bench ends with 0 when it could measure, whatever it found.
 */
#ifndef FERRY_TEST_BENCH_H
#define FERRY_TEST_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One row. peer_name NULL, limit 0 and target NULL: there is none. */
struct bench_row {
	const char *id;
	const char *unit;
	double ours;
	double peer;
	const char *peer_name;
	double limit;
	const char *target;
};

static inline void bench_print(const struct bench_row *row)
{
	printf("bench id=%s unit=%s ours=%.6g ", row->id, row->unit, row->ours);
	if (row->peer_name)
		printf("peer=%.6g peer_name=%s ", row->peer, row->peer_name);
	else
		printf("peer=- peer_name=- ");
	if (row->limit > 0)
		printf("limit=%.6g ", row->limit);
	else
		printf("limit=- ");
	printf("target=%s\n", row->target ? row->target : "-");
	fflush(stdout);
}

static inline uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts v. A median of interleaved rounds forgives a machine that others use too. count > 0. */
static inline double bench_median(double *v, size_t count)
{
	qsort(v, count, sizeof(*v), bench_compare);
	return count % 2 ? v[count / 2] : (v[count / 2 - 1] + v[count / 2]) / 2;
}

/* Keep the compiler from dropping what computed p or what p points at. */
static inline void bench_keep(const void *p)
{
	__asm__ volatile("" : : "g"(p) : "memory");
}

#endif /* FERRY_TEST_BENCH_H */
