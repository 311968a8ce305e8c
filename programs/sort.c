/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * sort - 32-bit keys in ascending order, any number of them, also far more than device memory holds.
 *
 *     keys   |  chunk 0  |  chunk 1  |  chunk 2  | 3 |      a chunk and its copy fit in device memory
 *               |           |           |          |
 *            radix sort, chunk by chunk: 4 digits of 8 bits, count -> scan -> scatter, all resident
 *               |           |           |          |
 *            |  run 0    |  run 1    |  run 2    | 3 |
 *                  \_______/              \_______/
 *            |       run 0           |     run 1     |      merge passes: both runs and the output are streamed,
 *                        \______________/                   tile by tile
 *            |               sorted                  |
 *
 * A radix sort alone would scatter to 256 places all over the data: with less device memory than data, a page fault
 * for each few keys. Merging alone would take 24 passes over 16 Mi keys. This way scattering happens only where
 * everything is resident, and the passes over the whole are log2(chunks).
 *
 * The inner loops have no data-dependent branch: the threads of a warp stay together.
 */
#include "ferry/gpu.h"
#include "sort.h"

/* Two keys in one load. */
typedef u64 __attribute__((may_alias)) pair_of_keys;

/* ---- radix: thread t of T has the keys [t * SORT_PIECE, (t + 1) * SORT_PIECE), counters [digit][t] ---- */

static inline u64 piece_keys(u64 count, u64 thread)
{
	u64 begin = thread * SORT_PIECE;

	if (begin >= count)
		return 0;
	return count - begin < SORT_PIECE ? count - begin : SORT_PIECE;
}

/* The counter of a digit: of the key's bits from shift on. stride: bytes from one digit's row to the next. */
static inline u32 *counter(u32 *mine, u64 key, u64 shift, u64 stride)
{
	return (u32 *)((u8 *)mine + (key >> shift & (SORT_DIGITS - 1)) * stride);
}

FERRY_KERNEL(sort_count, const u32 *keys, u64 count, u32 *counters, u64 shift)
{
	u64 thread = ferry_global_id(), stride = ferry_global_size() * sizeof(u32);
	u64 n = piece_keys(count, thread);
	const u32 *piece = keys + thread * SORT_PIECE;
	u32 *mine = counters + thread;

	for (u64 d = 0; d < SORT_DIGITS; d++)
		*counter(mine, d, 0, stride) = 0;
	for (u64 i = 0; i + 1 < n; i += 2) {
		u64 two = *(const pair_of_keys *)(piece + i);

		++*counter(mine, two, shift, stride);
		++*counter(mine, two >> 32, shift, stride);
	}
	if (n & 1)
		++*counter(mine, piece[n - 1], shift, stride);
}

/*
 * Counters become positions: exclusive prefix sums in the order [digit][thread]. One block of SORT_DIGITS threads, a
 * row of the table each. totals: SORT_DIGITS words.
 */
FERRY_KERNEL(sort_scan, u32 *counters, u64 threads, u32 *totals)
{
	u64 digit = ferry_thread_index(0);
	u32 *row = counters + digit * threads;
	u32 sum = 0;

	for (u64 t = 0; t < threads; t++)
		sum += row[t];
	totals[digit] = sum;
	ferry_barrier();

	sum = 0;
	for (u64 d = 0; d < digit; d++)
		sum += totals[d];
	for (u64 t = 0; t < threads; t++) {
		u32 n = row[t];

		row[t] = sum;
		sum += n;
	}
}

/* Stable: a thread moves its keys in order, and its positions follow those of the thread before it. */
FERRY_KERNEL(sort_scatter, const u32 *keys, u64 count, u32 *positions, u64 shift, u32 *out)
{
	u64 thread = ferry_global_id(), stride = ferry_global_size() * sizeof(u32);
	u64 n = piece_keys(count, thread);
	const u32 *piece = keys + thread * SORT_PIECE;
	u32 *mine = positions + thread;

	for (u64 i = 0; i + 1 < n; i += 2) {
		u64 two = *(const pair_of_keys *)(piece + i);

		out[(*counter(mine, two, shift, stride))++] = (u32)two;
		out[(*counter(mine, two >> 32, shift, stride))++] = (u32)(two >> 32);
	}
	if (n & 1)
		out[(*counter(mine, piece[n - 1], shift, stride))++] = piece[n - 1];
}

/* ---- merge: runs of `run` keys (a multiple of SORT_MERGE_TILE), the last may be shorter ---- */

/* Two neighbouring runs: a = keys[begin, begin + a_count), b follows. */
struct pair {
	u64 begin, a_count, b_count;
};

static inline void pair_find(struct pair *p, u64 position, u64 count, u64 run)
{
	u64 rest;

	p->begin = position / (2 * run) * (2 * run);
	rest = count - p->begin;
	p->a_count = rest < run ? rest : run;
	rest -= p->a_count;
	p->b_count = rest < run ? rest : run;
}

/*
 * The merge path: of the first `diagonal` keys of the merged output, how many come from a? Between low and high.
 *
 *     a[i - 1] <= b[diagonal - i]  and  b[diagonal - i - 1] < a[i]
 */
static inline u64 path_search(const u32 *a, const u32 *b, u64 diagonal, u64 low, u64 high)
{
	while (low < high) {
		u64 middle = (low + high) / 2;

		if (a[middle] <= b[diagonal - 1 - middle])
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* splits[tile]: what path_search() says for the first key of the tile. Few threads: the only ones that jump about. */
FERRY_KERNEL(sort_split, const u32 *keys, u64 count, u64 run, u64 *splits, u64 tiles)
{
	FERRY_FOR_GRID(tile, tiles) {
		u64 position = tile * SORT_MERGE_TILE, diagonal;
		struct pair p;

		pair_find(&p, position, count, run);
		diagonal = position - p.begin;
		splits[tile] = path_search(keys + p.begin, keys + p.begin + p.a_count, diagonal,
		                           diagonal > p.b_count ? diagonal - p.b_count : 0,
		                           diagonal < p.a_count ? diagonal : p.a_count);
	}
}

/*
 * Merge n keys, as long as neither run can end: n is at most what is left of either. The smaller of the two heads is
 * written and its pointer moves on. Which is the smaller is a mask, not a branch; the other head and the other
 * pointer are kept as distances, since -x is (x ^ mask) - mask. Reads one key beyond the last it takes, which may be
 * one beyond the array.
 */
static inline void merge_heads(const u32 **a, const u32 **b, u32 *out, u64 n)
{
	u64 p = (u64)*a, to_q = (u64)*b - p;
	u64 head = **a, to_other = **b - head;

	for (u32 *end = out + n; out != end; out++) {
		u64 swap = (u64)((s64)to_other >> 63); /* all ones if the other is smaller */

		head += to_other & swap;
		to_other = (to_other ^ swap) - swap;
		p += to_q & swap;
		to_q = (to_q ^ swap) - swap;
		*out = (u32)head;
		p += sizeof(u32);
		to_q -= sizeof(u32);
		to_other += head;
		head = *(const u32 *)p;
		to_other -= head;
	}
	*a = (const u32 *)p;
	*b = (const u32 *)(p + to_q);
}

static inline u64 least(u64 x, u64 y)
{
	return x < y ? x : y;
}

/* n keys from two runs, either of which may end. The two may have changed places inside. */
static inline void merge_piece(const u32 *p, const u32 *p_end, const u32 *q, const u32 *q_end, u32 *out, u64 n)
{
	const u32 *border = q; /* q's run lies behind p's: up to here a pointer is p's, beyond it q's */

	while (n && p < p_end && q < q_end) {
		u64 step = least(n, least((u64)(p_end - p), (u64)(q_end - q)));
		const u32 *x = p, *y = q;

		merge_heads(&x, &y, out, step);
		/* x is behind the key that was written last, whichever run it came from. */
		p = x <= border ? x : y;
		q = x <= border ? y : x;
		out += step;
		n -= step;
	}
	if (p >= p_end)
		p = q;
	for (; n; n--)
		*out++ = *p++;
}

/* One tile per block: keys -> out. splits as sort_split() left them for the same run. */
FERRY_KERNEL(sort_merge, const u32 *keys, u32 *out, u64 count, u64 run, const u64 *splits)
{
	u64 tile = ferry_block_index(0);
	u64 position = tile * SORT_MERGE_TILE, diagonal, size, i, low, high;
	const u32 *a, *b;
	struct pair p;

	pair_find(&p, position, count, run);
	a = keys + p.begin;
	b = a + p.a_count;
	diagonal = position - p.begin;
	size = least(SORT_MERGE_TILE, p.a_count + p.b_count - diagonal);
	low = splits[tile];
	high = diagonal + size == p.a_count + p.b_count ? p.a_count : splits[tile + 1];

	/* This thread's piece of the tile. */
	i = ferry_thread_index(0) * SORT_MERGE_PIECE;
	if (i >= size)
		return;
	diagonal += i;
	low = path_search(a, b, diagonal, least(p.a_count, diagonal > p.b_count + low ? diagonal - p.b_count : low),
	                  least(high, diagonal));
	merge_piece(a + low, a + p.a_count, b + (diagonal - low), b + p.b_count, out + position + i,
	            least(SORT_MERGE_PIECE, size - i));
}
