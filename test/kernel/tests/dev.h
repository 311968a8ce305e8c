/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * dev.h - /dev/ferry0 through its raw interface: ioctl and mmap, no library between.
 */
#ifndef FERRY_TEST_DEV_H
#define FERRY_TEST_DEV_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/error.h"
#include "ferry/uapi/ferry.h"
#include "ferry/uapi/ferry_ioctl.h"

#define DEV_PATH "/dev/ferry0"
#define DEV_BLOCK (2ul << 20)
#define DEV_PAGE 4096ul

#define DEV_ON_HOST 1u
#define DEV_ON_DEVICE 2u

/* Opens the device; fails the case when it cannot. */
int dev_open(void);

/*
 * One request: 0 or its enum ferry_error, with errno set on error. Checks what holds always: an error code comes
 * with -1, none with 0. dev_call() goes through dev_call_raw(), which returns the ioctl's own result.
 */
int dev_call(int fd, unsigned request, void *data, size_t bytes);
int dev_call_raw(int fd, unsigned request, struct ferry_call *call);

/* The size of a request's struct; 0 for a number that is none. */
size_t dev_request_size(unsigned request);
const char *dev_error_name(int error);
/* The errno that belongs to an enum ferry_error. */
int dev_error_errno(int error);

/* ---- memory ---- */

/* Address space for bytes, aligned to DEV_BLOCK: PROT_NONE, to be mapped over. */
void *dev_reserve(size_t bytes);
/* Mapped, not managed yet. NULL and errno when mmap refuses. */
void *dev_map(int fd, size_t bytes);
int dev_range_create(int fd, const void *at, size_t bytes, uint32_t flags);
int dev_range_destroy(int fd, const void *at);
/* Mapped and managed; fails the case when it cannot be. */
void *dev_alloc(int fd, size_t bytes);

int dev_register(int fd, const void *at, size_t bytes, uint32_t flags);
int dev_unregister(int fd, const void *at);

int dev_advise(int fd, const void *at, size_t bytes, uint32_t advice, uint32_t where);
int dev_migrate(int fd, const void *at, size_t bytes, uint32_t where);
/* Moves to device 0, and fails the case unless every page is there. */
void dev_to_device(int fd, const void *at, size_t bytes);
/* DEV_ON_* of one page. */
unsigned dev_where(int fd, const void *at);
uint64_t dev_counter(int fd, enum ferry_counter counter);

/* A recognisable word for each eight bytes of a range. */
void dev_pattern_write(void *at, size_t bytes, uint64_t seed);
/* Index of the first wrong word, -1 when all are right. */
long dev_pattern_check(const void *at, size_t bytes, uint64_t seed);
uint64_t dev_pattern_word(size_t index, uint64_t seed);

/* ---- programs ---- */

enum dev_program {
	DEV_PROGRAM_SPIN, /* no arguments: runs until its budget or its owner ends */
	DEV_PROGRAM_FILL, /* (u64 *at, u64 count, u64 value): one thread writes them all */
	DEV_PROGRAM_ADD,  /* (u64 *at, u64 count, u64 value): one thread adds value to each */
	DEV_PROGRAM_SUM,  /* (u64 *at, u64 pages, u64 *sum): the first word of each page is read; writes one word */
};
uint32_t dev_program_load(int fd, enum dev_program program);
int dev_launch(int fd, uint32_t program, const uint64_t *args, uint32_t arg_count, uint64_t *launch);
/* What the launch's fate is: 0 or an enum ferry_error. */
int dev_wait(int fd, uint64_t launch, uint64_t timeout_ns);
/* Load, launch, wait for at most ten seconds: the fate. */
int dev_run(int fd, enum dev_program program, const void *at, uint64_t count, uint64_t value);

#endif /* FERRY_TEST_DEV_H */
