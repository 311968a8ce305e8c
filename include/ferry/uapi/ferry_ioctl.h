/* SPDX-License-Identifier: MIT OR GPL-2.0-only WITH Linux-syscall-note */
/*
 * uapi/ferry_ioctl.h - how requests reach the kernel host: one ioctl per request on an open
 * /dev/ferryN, which is a VA space of the process that opened it.
 *
 *     struct ferry_req_wait wait = {.size = sizeof(wait), ...};
 *     struct ferry_call call = {.size = sizeof(call), .data = (uintptr_t)&wait};
 *     call.bytes = sizeof(wait);
 *     ioctl(fd, FERRY_IOCTL(FERRY_REQ_WAIT), &call)
 *
 * 0, or -1 and errno; call.error then says which failure it was (also on error). From another
 * process than the opener's: EPERM. Managed memory is a shared mapping of the file at an offset
 * equal to its address, a multiple of 2 MiB, made before RANGE_CREATE:
 *
 *     mmap(va, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, va)
 */
#ifndef FERRY_UAPI_IOCTL_H
#define FERRY_UAPI_IOCTL_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif

#include "ferry/uapi/ferry.h"

struct ferry_call {
	uint32_t size;  /* sizeof; a longer one is taken when the rest is zero */
	uint32_t error; /* out, also on error: enum ferry_error */
	uint64_t data;  /* address of the request's struct and payload */
	uint64_t bytes; /* how many are there */
};

#define FERRY_IOC_MAGIC 0xf7
#define FERRY_IOCTL(request) _IOWR(FERRY_IOC_MAGIC, (request), struct ferry_call)
/* The longest request, payload included. E2BIG beyond it. */
#define FERRY_CALL_BYTES_MAX (1u << 20)

#endif /* FERRY_UAPI_IOCTL_H */
