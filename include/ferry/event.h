/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * event.h - what can be watched while it happens: the trace events, once.
 *
 * An event has three numbers, which are of one of three shapes:
 *
 *     FERRY_EVENT_SHAPES(x)   x(shape, a, b, c)         what its numbers are called, for filters
 *     FERRY_EVENTS(x)         x(name, shape, format)    how a person reads them: printf, each an unsigned long long
 *
 * Counters say how often something happened (uapi/ferry.h). Events that stand where a counter counts name it, so the
 * two can be held against each other.
 *
 *     fault buffer --> batch_begin, fault ...      what was fetched, entry by entry
 *                        evict, to_host ...        room is made
 *                        to_device                 pages move
 *                        block                     a 2 MiB block was served
 *                        cancel ..., replay        the answer
 *                      batch_end
 *     CPU access   --> to_host, cpu_fault
 *
 * device: a number as in the requests. va: of the process. error: enum ferry_error, 0 for none. access: enum
 * ferry_access. Pages are of 4 KiB.
 */
#ifndef FERRY_EVENT_H
#define FERRY_EVENT_H

/* clang-format off */
#define FERRY_EVENT_SHAPES(x)                                                                   \
	x(place, device, va, value)                                                             \
	x(device, device, value, more)                                                          \
	x(cpu, write, va, error)

#define FERRY_EVENTS(x)                                                                         \
	x(batch_begin, device, "device=%llu faults=%llu dropped=%llu") /* faults_dropped */     \
	x(batch_end, device, "device=%llu served=%llu fatal=%llu") /* pages; faults_fatal */    \
	x(fault, place, "device=%llu va=0x%llx access=%llu") /* one entry: faults_gpu */        \
	x(block, place, "device=%llu va=0x%llx pages=%llu") /* blocks_served; that missed */    \
	x(to_device, place, "device=%llu va=0x%llx bytes=%llu") /* pages_to_device, of a block */ \
	x(to_host, place, "device=%llu va=0x%llx bytes=%llu") /* pages_to_host, of a block */   \
	x(evict, place, "device=%llu va=0x%llx pages=%llu") /* evictions, pages_evicted */      \
	x(replay, device, "device=%llu faults=%llu cancels=%llu") /* replays */                 \
	x(cancel, place, "device=%llu va=0x%llx error=%llu") /* cancels */                      \
	x(cpu_fault, cpu, "write=%llu va=0x%llx error=%llu") /* faults_cpu */                   \
	x(lost, device, "device=%llu error=%llu launches=%llu") /* the device died */
/* clang-format on */

enum ferry_event {
#define x(name, shape, format) FERRY_EVENT_##name,
	FERRY_EVENTS(x)
#undef x
		FERRY_EVENT_COUNT
};

#endif /* FERRY_EVENT_H */
