/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_annot.h - the words of core/lock/lock_annot.h with their meaning. Found before that one when
 * checks/thread_safety.sh compiles the core; no build sees it.
 */
#ifndef FERRY_LOCK_ANNOT_H
#define FERRY_LOCK_ANNOT_H

#define FERRY_CAPABILITY(kind) __attribute__((capability(kind)))
#define FERRY_LOCK_ROW(row) __attribute__((acquired_after(ferry_row_##row), acquired_before(ferry_row_end_##row)))
#define FERRY_GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define FERRY_ACQUIRES(lock) __attribute__((acquire_capability(lock)))
#define FERRY_ACQUIRES_SHARED(lock) __attribute__((acquire_shared_capability(lock)))
#define FERRY_TRIES(what, lock) __attribute__((try_acquire_capability(what, lock)))
#define FERRY_TRIES_SHARED(what, lock) __attribute__((try_acquire_shared_capability(what, lock)))
#define FERRY_RELEASES(lock) __attribute__((release_capability(lock)))
#define FERRY_RELEASES_SHARED(lock) __attribute__((release_shared_capability(lock)))
#define FERRY_NEEDS(lock) __attribute__((requires_capability(lock)))
#define FERRY_NEEDS_SHARED(lock) __attribute__((requires_shared_capability(lock)))
#define FERRY_NEEDS_NOT(lock) __attribute__((locks_excluded(lock)))
#define FERRY_LOCK_VERB __attribute__((no_thread_safety_analysis))
#define FERRY_LOCK_UNSHARED __attribute__((no_thread_safety_analysis))
#define FERRY_LOCK_OPAQUE __attribute__((no_thread_safety_analysis))

/* The rows of lock_order.h, each after the one above: two marks a row, with its locks between them. */
struct FERRY_CAPABILITY("row") ferry_row {
	int unused;
};
#include "lock_rows.h" /* made by checks/thread_safety.sh */

#endif /* FERRY_LOCK_ANNOT_H */
