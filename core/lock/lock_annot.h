/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_annot.h - what a declaration says of locks, for a compiler that follows them through a function.
 *
 * A build sees nothing of it: everything here is empty. checks/thread_safety.sh compiles the core with another header
 * of this name found first by include path (checks/thread_safety/lock/lock_annot.h), which gives the words their
 * meaning as attributes of clang, and every finding is an error:
 *
 *     struct ferry_thing {
 *             struct ferry_mutex lock;
 *             uint64_t count FERRY_GUARDED_BY(&lock);         a read needs the lock, a write needs it exclusively
 *     };
 *     static void thing_grow(struct ferry_ctx *ctx, struct ferry_thing *t) FERRY_NEEDS(&t->lock)
 *
 * A lock is named by its address. The check knows the member and not the object: who holds the lock of one thing may
 * touch another. It does not follow a field whose address is passed on (a bitmap, a list): there the callee says what
 * it needs. The objects and the order are the validator's part (lock.h), at run time.
 */
#ifndef FERRY_LOCK_ANNOT_H
#define FERRY_LOCK_ANNOT_H

/* A type that is a lock; between struct and its name. */
#define FERRY_CAPABILITY(kind)

/* A lock in an object, of this row of lock_order.h: it is taken before any of the rows below. */
#define FERRY_LOCK_ROW(row)

/* A field, by a lock of the same object or of one that it points at. Whoever makes or ends the object is UNSHARED. */
#define FERRY_GUARDED_BY(lock)

/*
 * A function comes back with the lock (shared). Tries: only when it returns what; the body of such a function is not
 * looked at.
 */
#define FERRY_ACQUIRES(lock)
#define FERRY_ACQUIRES_SHARED(lock)
#define FERRY_TRIES(what, lock)
#define FERRY_TRIES_SHARED(what, lock)
/* A function is called with the lock (shared) and comes back without. */
#define FERRY_RELEASES(lock)
#define FERRY_RELEASES_SHARED(lock)
/* A function is called with the lock, and keeps it (shared: any mode is enough). Not: without it, since it takes it.
 */
#define FERRY_NEEDS(lock)
#define FERRY_NEEDS_SHARED(lock)
#define FERRY_NEEDS_NOT(lock)

/*
 * The body is not looked at. VERB: it is a verb of a lock. UNSHARED: nobody else can see the object, before it is
 * published or after the last user has gone. OPAQUE: the analysis cannot follow; a comment says why.
 */
#define FERRY_LOCK_VERB
#define FERRY_LOCK_UNSHARED
#define FERRY_LOCK_OPAQUE

#endif /* FERRY_LOCK_ANNOT_H */
