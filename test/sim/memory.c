/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <signal.h>
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
#define BIG_AT ((char *)0x210000000000ull)
#define REGION_BYTES (64ull << 20)
#define REGION_PAGES (REGION_BYTES / PAGE)
#define PAGE 4096ull
#define BIG_FROM (2u << 20)
#define FORGET_EVERY 4096u /* runs: then it is found out anew which pages change */
#define CLASSES 40u        /* of sizes, by half powers of two */
#define HEAD 64u           /* before each allocation; keeps the alignment */

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

/* Pages [0, kept) are as the prelude left them but for those in hot or once; the rest can only be read. */
struct region {
	char *at, *base;
	size_t kept;                      /* pages */
	uint64_t hot[REGION_PAGES / 64];  /* was written to in some run */
	uint64_t once[REGION_PAGES / 64]; /* was opened by memory_dirty() in this run */
	size_t thin, thin_end;            /* pages of which only the first SIM_PAGE_SEEN bytes ever change */
};

static struct region small = {.at = SMALL_AT}, big = {.at = BIG_AT};
static uint32_t restores;
bool memory_copy_all;
static struct arena *arena;
static struct head alive = {.u.alive = {&alive, &alive}};
static struct sigaction other_faults;

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

static void protect(char *at, size_t pages, int how)
{
	if (pages && mprotect(at, pages * PAGE, how))
		die("sim: mprotect");
}

/* ---- which pages a run changes ---- */

static struct region *region_of(const void *p)
{
	const char *c = p;

	if (c >= SMALL_AT && c < SMALL_AT + REGION_BYTES)
		return &small;
	return c >= BIG_AT && c < BIG_AT + REGION_BYTES ? &big : NULL;
}

/* The first write to a page since it was last forgotten. Anybody else's fault is as if we were not here. */
static void page_fault(int sig, siginfo_t *info, void *context)
{
	struct region *r = region_of(info->si_addr);
	size_t page;

	(void)sig;
	(void)context;
	page = r ? (size_t)((char *)info->si_addr - r->at) / PAGE : 0;
	if (!r || page >= r->kept || (r->hot[page / 64] >> (page % 64) & 1)) {
		sigaction(SIGSEGV, &other_faults, NULL);
		return;
	}
	r->hot[page / 64] |= 1ull << (page % 64);
	protect(r->at + page * PAGE, 1, PROT_READ | PROT_WRITE);
}

static void watch_pages(void)
{
	/* A stack of its own: tools that look at stacks do not know those of fibers. */
	static char handler_stack[64 << 10];
	const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof(handler_stack)};
	struct sigaction action = {.sa_sigaction = page_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (sigaltstack(&stack, NULL) || sigaction(SIGSEGV, &action, &other_faults))
		die("sim: SIGSEGV");
}

void memory_dirty_many(const void *p, size_t bytes)
{
	struct region *r = region_of(p);
	size_t first, end;

	if (!r)
		return;
	first = (size_t)((const char *)p - r->at) / PAGE;
	end = ((size_t)((const char *)p - r->at) + bytes + PAGE - 1) / PAGE;
	if (end > r->kept)
		end = r->kept;
	if (first >= end)
		return;
	protect(r->at + first * PAGE, end - first, PROT_READ | PROT_WRITE);
	for (; first < end; first++)
		r->once[first / 64] |= 1ull << (first % 64);
}

static void forget(struct region *r)
{
	memset(r->hot, memory_copy_all ? 0xff : 0, sizeof(r->hot));
	if (!memory_copy_all)
		protect(r->at, r->kept, PROT_READ);
}

static void keep(struct region *r, size_t bytes)
{
	r->kept = (bytes + PAGE - 1) / PAGE;
	memcpy(r->base, r->at, bytes);
	memset(r->once, 0, sizeof(r->once));
	forget(r);
}

static void give_up(struct region *r)
{
	protect(r->at, r->kept, PROT_READ | PROT_WRITE);
	r->kept = 0;
}

/* The next page from at on that has its bit in a or b, or, with want false, that has none; or end. */
static size_t next_page(const uint64_t *a, const uint64_t *b, size_t at, size_t end, bool want)
{
	while (at < end) {
		uint64_t word = a[at / 64] | (b ? b[at / 64] : 0);

		word = (want ? word : ~word) >> (at % 64);
		if (word) {
			at += (size_t)__builtin_ctzll(word);
			break;
		}
		at = (at / 64 + 1) * 64;
	}
	return at < end ? at : end;
}

static size_t copy_back(struct region *r, size_t at, size_t end)
{
	if (at < r->thin_end && end > r->thin) {
		if (at < r->thin)
			end = r->thin; /* up to there */
		else if (end > r->thin_end)
			end = r->thin_end;
	}
	if (at >= r->thin && at < r->thin_end)
		sim_copy_pages(r->at + at * PAGE, r->base + at * PAGE, (end - at) * PAGE);
	else
		memcpy(r->at + at * PAGE, r->base + at * PAGE, (end - at) * PAGE);
	return end;
}

static void restore(struct region *r)
{
	size_t at = 0, end;
	bool any = false;

	for (;;) {
		at = next_page(r->hot, r->once, at, r->kept, true);
		end = next_page(r->hot, r->once, at, r->kept, false);
		if (at == end)
			break;
		at = copy_back(r, at, end);
	}
	for (size_t i = 0; i < (r->kept + 63) / 64; i++) {
		any |= r->once[i] != 0;
		r->once[i] &= ~r->hot[i];
	}
	for (at = 0; any; at = end) {
		at = next_page(r->once, NULL, at, r->kept, true);
		end = next_page(r->once, NULL, at, r->kept, false);
		if (at == end)
			break;
		protect(r->at + at * PAGE, end - at, PROT_READ);
	}
	if (any)
		memset(r->once, 0, (r->kept + 63) / 64 * 8);
}

/* ---- life ---- */

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
		arena = (struct arena *)(void *)map(SMALL_AT, REGION_BYTES);
		map(BIG_AT, REGION_BYTES);
		small.base = map(NULL, REGION_BYTES);
		big.base = map(NULL, REGION_BYTES);
		watch_pages();
	}
	big.thin = big.thin_end = 0;
	if (small.kept) {
		give_up(&small);
		give_up(&big);
	}
	memset(arena, 0, sizeof(*arena));
	arena->used = (sizeof(*arena) + 63) & ~63ull;
}

/* Stacks of the fibers that wait: what is above their stack pointers. */
void memory_snapshot(const struct sim *s)
{
	if (MEMORY_MALLOC)
		return;
	keep(&small, arena->used);
	keep(&big, arena->big_used);
	restores = 0;
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
	restore(&small);
	restore(&big);
	if (++restores % FORGET_EVERY == 0) {
		forget(&small);
		forget(&big);
	}
	for (uint32_t i = 0; i < kept_stacks; i++)
		memcpy(kept_fiber[i].sp, kept_stack[i].bytes, kept_stack[i].used);
}

bool memory_is_base(void)
{
	return !memcmp(small.at, small.base, small.kept * PAGE) && !memcmp(big.at, big.base, big.kept * PAGE);
}

void sim_copy_pages(void *dst, const void *src, size_t size_bytes)
{
	for (size_t at = 0; at < size_bytes; at += PAGE)
		memcpy((char *)dst + at, (const char *)src + at, SIM_PAGE_SEEN);
}

void memory_thin(const void *p, size_t bytes)
{
	big.thin = (size_t)((const char *)p - BIG_AT) / PAGE;
	big.thin_end = big.thin + bytes / PAGE;
	if (MEMORY_MALLOC || region_of(p) != &big)
		big.thin = big.thin_end = 0;
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

	bytes = (bytes + PAGE - 1) & ~(PAGE - 1);
	if (arena->big_used + bytes > REGION_BYTES)
		return NULL;
	arena->big_used += bytes;
	memset(h, 0, bytes);
	h->size_class = c;
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
		if (arena->used + rounded > REGION_BYTES)
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
	if ((char *)h >= BIG_AT && (char *)h < BIG_AT + REGION_BYTES)
		return;
	h->u.next = arena->free_of[h->size_class];
	arena->free_of[h->size_class] = h;
}
