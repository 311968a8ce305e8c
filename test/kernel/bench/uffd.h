/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * uffd.h - the peer: what a driver in user space does with userfaultfd, to move memory to whoever touches it.
 *
 *     source                              destination
 *     a memory file, mapped twice         private memory, registered for missing pages
 *       app     the program's mapping
 *       alias   the driver's              a touch of a piece that is not there:
 *                                           1  take the source away from the program: madvise(app, MADV_DONTNEED),
 *                                              the cheapest way there is (no VMA is split)
 *                                           2  UFFDIO_COPY from the alias: page, bytes, and the touch goes on
 *
 * Who does that: the touching thread itself in a SIGBUS handler (UFFD_SIGBUS, the fastest there is), or a thread that
 * reads the events (UFFD_THREAD, the usual way: the one that also serves touches inside the kernel).
 */
#ifndef FERRY_TEST_KERNEL_BENCH_UFFD_H
#define FERRY_TEST_KERNEL_BENCH_UFFD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uffd_how { UFFD_SIGBUS, UFFD_THREAD };

struct uffd {
	enum uffd_how how;
	uint8_t *app, *alias, *area;
	size_t bytes;       /* of each */
	size_t piece_bytes; /* what one touch moves */
	bool take_away;     /* step 1 */
	int fd;
	pthread_t thread;
};

/* Ends the program when the kernel has no userfaultfd. One with UFFD_SIGBUS may be open. */
void uffd_open(struct uffd *u, enum uffd_how how, size_t bytes);
void uffd_close(struct uffd *u);

/*
 * Touches pieces pieces, one after the other, in this thread: ns for each. Before, and not counted, the program has
 * just written the source, and nothing is in the area. take_away: as above.
 */
double uffd_round(struct uffd *u, size_t piece_bytes, uint32_t pieces, bool take_away);

#endif /* FERRY_TEST_KERNEL_BENCH_UFFD_H */
