/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Requests of random bytes. What they answer does not matter; that they answer, and that the machine is well
 * afterwards, does. --iterations N or --seconds N, --seed N; each slice says its seed, so that it can be repeated:
 * fuzz_test --seed S --iterations N.
 *
 * Half of the bytes are random, half are near to something that works: an address in managed memory, a size that
 * fits, a handle that exists. Several processes do it at once, each on its own handle, and one is killed in between.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define WORKERS 3
#define SLICE 500 /* iterations of one life of a worker */
#define MANAGED (2 * DEV_BLOCK)
#define PAYLOAD 512
/* A wait must not be what a slice spends its time on. */
#define WAIT_NS_MAX 2000000ull

struct fuzz {
	int fd;
	uint8_t *managed;
	uint32_t program;
	uint8_t data[sizeof(struct ferry_req_counters) + PAYLOAD];
};

/* A number that has a chance. */
static uint64_t likely(const struct fuzz *f)
{
	uint64_t base = (uintptr_t)f->managed;

	switch (ktap_random_below(12)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return f->program;
	case 3:
		return base;
	case 4:
		return base + DEV_PAGE * ktap_random_below(MANAGED / DEV_PAGE);
	case 5:
		return DEV_PAGE << ktap_random_below(10);
	case 6:
		return DEV_BLOCK;
	case 7:
		return FERRY_WHERE_HOST;
	case 8:
		return FERRY_WHERE_NONE;
	case 9:
		return 1ull << ktap_random_below(64);
	case 10:
		return ~0ull;
	default:
		return ktap_random();
	}
}

static void data_fill(struct fuzz *f, unsigned request, size_t size)
{
	uint32_t said = (uint32_t)size;
	bool wild = ktap_random_below(4) == 0;

	for (size_t i = 0; i + 8 <= sizeof(f->data); i += 8) {
		uint64_t word = wild ? ktap_random() : likely(f);

		/* Two halves of their own, or one long number. */
		if (!wild && ktap_random_below(2))
			word = (word & 0xffffffff) | likely(f) << 32;
		memcpy(f->data + i, &word, 8);
	}
	if (size > 4 && ktap_random_below(2))
		memset(f->data + size, 0, sizeof(f->data) - size);
	if (ktap_random_below(8))
		memcpy(f->data, &said, sizeof(said));
	if (ktap_random_below(4) == 0)
		memset(f->data + 4, 0, size > 4 ? size - 4 : 0);
	if (request == FERRY_REQ_WAIT) {
		struct ferry_req_wait *wait = (void *)f->data;

		wait->timeout_ns %= WAIT_NS_MAX;
	}
}

/* The module takes whole blocks of address space away from nobody but us: map them again. */
static void remap(struct fuzz *f)
{
	mmap(f->managed, MANAGED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f->fd,
	     (off_t)(uintptr_t)f->managed);
	(void)dev_range_create(f->fd, f->managed, MANAGED, 0);
}

static void map_at_random(struct fuzz *f)
{
	size_t bytes = DEV_PAGE * (1 + ktap_random_below(64));
	uint8_t *at = f->managed + DEV_PAGE * ktap_random_below((MANAGED - bytes) / DEV_PAGE + 1);

	switch (ktap_random_below(8)) {
	case 0:
		munmap(at, bytes);
		break;
	case 1:
		mprotect(at, bytes, PROT_READ);
		break;
	case 2:
		mprotect(at, bytes, PROT_READ | PROT_WRITE);
		break;
	case 3:
		madvise(at, bytes, (int)ktap_random_below(26));
		break;
	case 4:
		mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f->fd, (off_t)(uintptr_t)at);
		break;
	case 5:
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, (off_t)(likely(f) & ~(DEV_PAGE - 1)));
		break;
	case 6:
		(void)ktap_touch(at, true);
		break;
	default:
		remap(f);
	}
}

static void one(struct fuzz *f)
{
	unsigned request = (unsigned)ktap_random_below(FERRY_REQ_RESIDENCY + 3);
	size_t size = dev_request_size(request);
	struct ferry_call call = {.size = sizeof(call)};
	struct pollfd poll_fd = {.fd = f->fd, .events = POLLIN};

	if (ktap_random_below(16) == 0)
		map_at_random(f);
	if (ktap_random_below(64) == 0)
		poll(&poll_fd, 1, 0);
	data_fill(f, request, size);
	call.data = (uintptr_t)f->data;
	call.bytes = size + (ktap_random_below(4) ? 0 : ktap_random_below(PAYLOAD));
	if (ktap_random_below(32) == 0)
		call.data = likely(f);
	if (ktap_random_below(32) == 0)
		call.bytes = likely(f);
	if (ktap_random_below(32) == 0)
		call.size = (uint32_t)likely(f);
	dev_call_raw(f->fd, request, &call);
}

struct slice {
	uint64_t seed, iterations;
};

static int worker(void *arg)
{
	const struct slice *slice = arg;
	struct fuzz *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(f != MAP_FAILED, "mmap");
	ktap_random_seed(slice->seed);
	f->fd = dev_open();
	f->managed = dev_alloc(f->fd, MANAGED);
	f->program = dev_program_load(f->fd, DEV_PROGRAM_FILL);
	for (uint64_t i = 0; i < slice->iterations; i++)
		one(f);
	return 0;
}

/* Their lives end by themselves, but for one of them that is killed somewhere in the middle. */
static void slices(uint64_t seed, uint64_t iterations)
{
	struct slice slice[WORKERS];
	pid_t pid[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		slice[i] = (struct slice){.seed = seed + (uint64_t)i, .iterations = iterations};
		pid[i] = ktap_child(worker, &slice[i]);
	}
	ktap_sleep_us(ktap_random_below(200000));
	ktap_kill(pid[0]);
	for (int i = 1; i < WORKERS; i++) {
		int status = 0;

		CHECK(ktap_ended(pid[i], &status, 60000), "seed %llu still runs", (unsigned long long)slice[i].seed);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "seed %llu: wait status 0x%x",
		      (unsigned long long)slice[i].seed, status);
	}
}

static void random_requests(void)
{
	uint64_t seconds = ktap_option("seconds", 0), iterations = ktap_option("iterations", 2000);
	uint64_t seed = ktap_option("seed", 1) * 1000000, end = ktap_now_ms() + seconds * 1000, done = 0;

	while (seconds ? ktap_now_ms() < end : done < iterations) {
		slices(seed + done, SLICE);
		done += SLICE * (WORKERS - 1);
	}
	printf("# %llu requests\n", (unsigned long long)done);
	fflush(stdout);
}

/* After all that the device still computes. */
static void still_well(void)
{
	int fd = dev_open(), error;
	uint64_t *p = dev_alloc(fd, DEV_BLOCK);

	error = dev_run(fd, DEV_PROGRAM_FILL, p, 1000, 42);
	CHECK(error == 0, "%s", dev_error_name(error));
	for (int i = 0; i < 1000; i++)
		CHECK(p[i] == 42, "word %d is %llu", i, (unsigned long long)p[i]);
	CHECK(dev_counter(fd, FERRY_COUNTER_lock_violations) == 0, "the lock order was broken");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"requests of random bytes harm nobody", random_requests, 3600},
		{"the device is well afterwards", still_well, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
