/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ferry/os.h"
#include "memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_MALLOC 1
#endif
#endif
#ifndef MEMORY_MALLOC
#define MEMORY_MALLOC 0
#endif

#define SMALL_AT ((char *)0x200000000000ull)
#define SMALL_BYTES (64ull << 20)
#define BIG_AT ((char *)0x210000000000ull)
#define BIG_BYTES (64ull << 20)
#define BIG_PAGES (BIG_BYTES / 4096)
#define BIG_FROM (2u << 20)
#define CLASSES 40u /* of sizes, by half powers of two */
#define HEAD 64u    /* before each allocation; keeps the alignment */

struct head {
	union {
		struct head *next;     /* free */
		struct head *alive[2]; /* MEMORY_MALLOC: neighbours */
	} u;
	uint32_t size_class;
	uint32_t magic;
};

#define MAGIC_LIVE 0x11feu
#define MAGIC_FREE 0xdeadu

/* In the arena itself, so that a snapshot has it. */
struct arena {
	size_t used, big_used;
	struct head *free_of[CLASSES];
};

static struct arena *arena;
static char *base_small, *base_big; /* as the prelude left them */
static size_t base_small_used;
/* Big pages that differ from the base: in this run; and those that a program may write to unseen. */
static uint64_t dirty[BIG_PAGES / 64], used_by_base[BIG_PAGES / 64];
static struct head alive = {.u.alive = {&alive, &alive}};

static struct {
	char *bytes;
	size_t used;
} kept_stack[SIM_FIBERS];
static uint32_t kept_stacks;
static struct fiber kept_fiber[SIM_FIBERS];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

bool memory_can_snapshot(void)
{
	return !MEMORY_MALLOC;
}

static char *map(char *at, size_t bytes)
{
	int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0);
	char *p = mmap(at, bytes, PROT_READ | PROT_WRITE, how, -1, 0);

	if (p == MAP_FAILED || (at && p != at))
		die("sim: the arena");
	return p;
}

static void mark(uint64_t *set, const void *p, size_t bytes)
{
	uint64_t first = (uint64_t)((const char *)p - BIG_AT) / 4096;
	uint64_t last = (uint64_t)((const char *)p - BIG_AT + bytes - 1) / 4096;

	if ((const char *)p < BIG_AT || (const char *)p >= BIG_AT + BIG_BYTES || !bytes)
		return;
	for (uint64_t i = first; i <= last; i++)
		set[i / 64] |= 1ull << (i % 64);
}

void memory_dirty(const void *p, size_t bytes)
{
	mark(dirty, p, bytes);
}

void memory_clear(void)
{
	if (MEMORY_MALLOC) {
		while (alive.u.alive[1] != &alive) {
			struct head *h = alive.u.alive[1];

			alive.u.alive[1] = h->u.alive[1];
			free(h);
		}
		alive.u.alive[0] = &alive;
		return;
	}
	if (!arena) {
		arena = (struct arena *)(void *)map(SMALL_AT, SMALL_BYTES);
		map(BIG_AT, BIG_BYTES);
		base_small = map(NULL, SMALL_BYTES);
		base_big = map(NULL, BIG_BYTES);
	}
	memset(arena, 0, sizeof(*arena));
	arena->used = (sizeof(*arena) + 63) & ~63ull;
	memset(dirty, 0, sizeof(dirty));
}

/* Stacks of the fibers that wait: what is above their stack pointers. */
void memory_snapshot(const struct sim *s)
{
	if (MEMORY_MALLOC)
		return;
	base_small_used = arena->used;
	memcpy(base_small, arena, base_small_used);
	memcpy(base_big, BIG_AT, arena->big_used);
	memcpy(used_by_base, dirty, sizeof(dirty));
	kept_stacks = s->fibers;
	for (uint32_t i = 0; i < s->fibers; i++) {
		const struct fiber *f = &s->fiber[i].stack;
		size_t used = (size_t)(f->stack + FIBER_STACK_BYTES - (char *)f->sp);

		kept_fiber[i] = *f;
		kept_stack[i].bytes = realloc(kept_stack[i].bytes, used);
		if (!kept_stack[i].bytes)
			die("sim: stacks");
		kept_stack[i].used = used;
		memcpy(kept_stack[i].bytes, f->sp, used);
	}
}

void memory_restore(void)
{
	size_t words = (((const struct arena *)(void *)base_small)->big_used / 4096 + 63) / 64;

	memcpy(arena, base_small, base_small_used);
	for (size_t i = 0; i < words; i++) {
		uint64_t set = dirty[i] | used_by_base[i];

		for (; set; set &= set - 1) {
			size_t at = (i * 64 + (size_t)__builtin_ctzll(set)) * 4096;

			memcpy(BIG_AT + at, base_big + at, 4096);
		}
	}
	memset(dirty, 0, sizeof(dirty));
	for (uint32_t i = 0; i < kept_stacks; i++)
		memcpy(kept_fiber[i].sp, kept_stack[i].bytes, kept_stack[i].used);
}

bool memory_is_base(void)
{
	return !memcmp(arena, base_small, base_small_used) && !memcmp(BIG_AT, base_big, arena->big_used);
}

/* 2 classes a power of two: 64, 96, 128, 192, ... bytes, with the head. */
static uint32_t class_of(size_t bytes, size_t *rounded)
{
	uint32_t c = 0;
	size_t size = 128;

	while (size < bytes) {
		c++;
		size = (128ull << (c / 2)) + (c & 1 ? 64ull << (c / 2) : 0);
	}
	*rounded = size;
	return c;
}

/* Never given out again in a run: stories make their big things in the prelude. */
static struct head *from_big(size_t bytes, uint32_t c)
{
	struct head *h = (struct head *)(void *)(BIG_AT + arena->big_used);

	bytes = (bytes + 4095) & ~4095ull;
	if (arena->big_used + bytes > BIG_BYTES)
		return NULL;
	arena->big_used += bytes;
	memset(h, 0, bytes);
	h->size_class = c;
	mark(dirty, h, sizeof(*h));
	return h;
}

static struct head *from_arena(size_t bytes)
{
	size_t rounded;
	uint32_t c = class_of(bytes, &rounded);
	struct head *h;

	if (c >= CLASSES)
		return NULL;
	if (bytes >= BIG_FROM)
		return from_big(bytes, c);
	h = arena->free_of[c];
	if (h) {
		arena->free_of[c] = h->u.next;
		memset(h, 0, bytes);
	} else {
		if (arena->used + rounded > SMALL_BYTES)
			return NULL;
		h = (struct head *)((char *)arena + arena->used);
		arena->used += rounded;
		memset(h, 0, bytes);
	}
	h->size_class = c;
	return h;
}

void *sim_zalloc(size_t size_bytes, uint32_t flags)
{
	struct head *h;

	if (!(flags & FERRY_OS_ATOMIC) && (sim.me->spins || sim.me->irq))
		sim_may_sleep("memory");
	sim.allocs++;
	if (sim_choose(SIM_CHOICE_ALLOC, 2)) {
		sim.alloc_fails++;
		return NULL;
	}
	if (MEMORY_MALLOC) {
		if (posix_memalign((void **)&h, 64, HEAD + ((size_bytes + 63) & ~63ull)))
			return NULL;
		memset(h, 0, HEAD + size_bytes);
		h->u.alive[0] = &alive;
		h->u.alive[1] = alive.u.alive[1];
		h->u.alive[1]->u.alive[0] = h;
		alive.u.alive[1] = h;
	} else {
		h = from_arena(HEAD + size_bytes);
		if (!h)
			return NULL;
	}
	h->magic = MAGIC_LIVE;
	sim.live_allocs++;
	return (char *)h + HEAD;
}

void sim_free(void *p)
{
	struct head *h = (struct head *)((char *)p - HEAD);

	if (!p)
		return;
	if (h->magic != MAGIC_LIVE) {
		sim_fail("misuse: free of what is not allocated");
		return;
	}
	h->magic = MAGIC_FREE;
	sim.live_allocs--;
	if (MEMORY_MALLOC) {
		h->u.alive[0]->u.alive[1] = h->u.alive[1];
		h->u.alive[1]->u.alive[0] = h->u.alive[0];
		free(h);
		return;
	}
	if ((char *)h >= BIG_AT && (char *)h < BIG_AT + BIG_BYTES)
		return;
	h->u.next = arena->free_of[h->size_class];
	arena->free_of[h->size_class] = h;
}
