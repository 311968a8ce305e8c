/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lib/kernel_space.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ferry/types.h"

#define PLACES_MAX 64u /* other threads may take a place between our finding it and our using it */

struct ferry_kernel_piece {
	uint64_t start, end;
	struct ferry_kernel_piece *next;
};

static pthread_mutex_t spaces_lock = PTHREAD_MUTEX_INITIALIZER; /* of the list, and of every space in it */
static struct ferry_kernel_space *spaces;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* ---- fork --------------------------------------------------------------------------------------------------- */

static void fork_prepare(void)
{
	pthread_mutex_lock(&spaces_lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&spaces_lock);
}

/* The structs stay: the child's copies of the handles, which nobody uses, lead to them. */
static void fork_child(void)
{
	for (struct ferry_kernel_space *s = spaces; s; s = s->next) {
		(void)s->sys->close(s->fd);
		s->fd = -1;
	}
	spaces = NULL;
	pthread_mutex_unlock(&spaces_lock);
}

static void fork_watch(void)
{
	(void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* ---- pieces ------------------------------------------------------------------------------------------------- */

/* spaces_lock held. [start, end) is somebody else's now. spare: for a piece that falls in two; used up then. */
static void pieces_cut(struct ferry_kernel_space *space, uint64_t start, uint64_t end,
                       struct ferry_kernel_piece **spare)
{
	struct ferry_kernel_piece **link = &space->pieces;

	while (*link) {
		struct ferry_kernel_piece *p = *link;

		if (p->start >= start && p->end <= end) {
			*link = p->next;
			free(p);
			continue;
		}
		if (p->start < start && p->end > end) {
			**spare = (struct ferry_kernel_piece){.start = end, .end = p->end, .next = p->next};
			p->next = *spare;
			*spare = NULL;
			p->end = start;
			return; /* pieces do not overlap */
		}
		if (p->start < start && p->end > start)
			p->end = start;
		else if (p->start < end && p->end > end)
			p->start = end;
		link = &p->next;
	}
}

static void unmap_mapping(void *arg, uint64_t start, uint64_t end)
{
	const struct ferry_kernel_sys *sys = arg;

	/* What the system refuses (too many mappings) stays until the process ends. */
	(void)sys->munmap((void *)(uintptr_t)start, end - start);
}

/* spaces_lock held. */
static void piece_unmap(struct ferry_kernel_space *space, const struct ferry_kernel_piece *p)
{
	if (space->sys->own_mappings(p->start, p->end, unmap_mapping, (void *)(uintptr_t)space->sys))
		unmap_mapping((void *)(uintptr_t)space->sys, p->start, p->end);
}

void ferry_kernel_space_unmap(struct ferry_kernel_space *space, uint64_t va, size_t bytes)
{
	struct ferry_kernel_piece **link = &space->pieces;

	pthread_mutex_lock(&spaces_lock);
	while (*link) {
		struct ferry_kernel_piece *p = *link;

		if (p->start < va || p->end > va + bytes) {
			link = &p->next;
			continue;
		}
		piece_unmap(space, p);
		*link = p->next;
		free(p);
	}
	pthread_mutex_unlock(&spaces_lock);
}

/* ---- map ---------------------------------------------------------------------------------------------------- */

static int map_failed(int number)
{
	switch (number) {
	case EPERM:
	case ENODEV:
	case ENXIO:
	case EAGAIN:
	case EINTR:
		return ferry_kernel_error(number);
	default:
		return FERRY_E_MMAP;
	}
}

/*
 * Look for a place with room for the alignment, and let go of it again. It is never the node's mapping over a place
 * we hold: should that fail, the hole may be another thread's already, and could not be given back.
 *
 *     |.......|==== 2 MiB aligned, bytes ====|.......|
 */
static int place_find(const struct ferry_kernel_sys *sys, size_t bytes, uint64_t *va)
{
	size_t total = bytes + FERRY_BLOCK_SIZE;
	void *p = sys->mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return FERRY_E_MMAP;
	*va = ferry_align_up((uintptr_t)p, FERRY_BLOCK_SIZE);
	return sys->munmap(p, total) ? FERRY_E_MMAP : 0;
}

/* spaces_lock held. */
static int map_somewhere(struct ferry_kernel_space *space, size_t bytes, uint64_t *va)
{
	const struct ferry_kernel_sys *sys = space->sys;

	for (uint32_t i = 0; i < PLACES_MAX; i++) {
		uint64_t at;
		void *want, *p;
		int err = place_find(sys, bytes, &at);

		if (err)
			return ferry_fail(err, "%zu bytes of address space: %s", bytes, strerror(errno));
		want = (void *)(uintptr_t)at;
		p = sys->mmap(want, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, space->fd,
		              (off_t)at);
		if (p == want) {
			*va = at;
			return 0;
		}
		if (p != MAP_FAILED)
			(void)sys->munmap(p, bytes);
		else if (errno != EEXIST)
			return ferry_fail(map_failed(errno), "%zu bytes of managed memory: %s", bytes,
			                  strerror(errno));
	}
	return ferry_fail(FERRY_E_MMAP, "%zu bytes: %u places were taken by other threads", bytes, PLACES_MAX);
}

int ferry_kernel_space_map(struct ferry_kernel_space *space, size_t bytes, uint64_t *va)
{
	struct ferry_kernel_piece *piece = calloc(1, sizeof(*piece)), *spare = calloc(1, sizeof(*spare));
	uint64_t at = 0;
	int err;

	if (!piece || !spare) {
		err = ferry_fail(FERRY_E_NOMEM, "no memory to remember a mapping");
		goto free_pieces;
	}
	pthread_mutex_lock(&spaces_lock);
	err = map_somewhere(space, bytes, &at);
	if (err)
		goto unlock;
	/* Nothing else in the child has these addresses either. Where the module has seen to it, this adds nothing.
	 */
	(void)space->sys->madvise((void *)(uintptr_t)at, bytes, MADV_DONTFORK);
	for (struct ferry_kernel_space *s = spaces; s && spare; s = s->next)
		pieces_cut(s, at, at + bytes, &spare);
	*piece = (struct ferry_kernel_piece){.start = at, .end = at + bytes, .next = space->pieces};
	space->pieces = piece;
	piece = NULL;
	*va = at;
unlock:
	pthread_mutex_unlock(&spaces_lock);
free_pieces:
	free(spare);
	free(piece);
	return err;
}

/* ---- open, close -------------------------------------------------------------------------------------------- */

void ferry_kernel_space_open(struct ferry_kernel_space *space, const struct ferry_kernel_sys *sys, int fd)
{
	(void)pthread_once(&fork_once, fork_watch);
	*space = (struct ferry_kernel_space){.sys = sys, .fd = fd};
	pthread_mutex_lock(&spaces_lock);
	space->next = spaces;
	spaces = space;
	pthread_mutex_unlock(&spaces_lock);
}

void ferry_kernel_space_close(struct ferry_kernel_space *space)
{
	struct ferry_kernel_space **link = &spaces;

	pthread_mutex_lock(&spaces_lock);
	while (*link && *link != space)
		link = &(*link)->next;
	if (*link)
		*link = space->next;
	while (space->pieces) {
		struct ferry_kernel_piece *p = space->pieces;

		piece_unmap(space, p);
		space->pieces = p->next;
		free(p);
	}
	pthread_mutex_unlock(&spaces_lock);
	(void)space->sys->close(space->fd);
}
