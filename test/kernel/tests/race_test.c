/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Threads that race on one handle. Errors are allowed where two wishes contradict each other; losing data, hanging,
 * or anything in the kernel's log is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define THREADS_MAX 4

struct race {
	int fd;
	uint8_t *p;
	size_t bytes;
	uint32_t program;
	uint64_t end_ms;
	atomic_int launches;
};

typedef void (*racer_fn)(struct race *race, unsigned thread);
struct racer {
	struct race *race;
	racer_fn fn;
	unsigned number;
};

static void *racer(void *arg)
{
	struct racer *r = arg;

	while (ktap_now_ms() < r->race->end_ms)
		r->fn(r->race, r->number);
	return NULL;
}

/* All of fns at once, each in a thread, for so long. */
static void race_for(struct race *race, unsigned ms, const racer_fn *fns, unsigned count)
{
	struct racer racers[THREADS_MAX];
	pthread_t thread[THREADS_MAX];

	race->end_ms = ktap_now_ms() + ms;
	for (unsigned i = 0; i < count; i++) {
		racers[i] = (struct racer){race, fns[i], i};
		CHECK(pthread_create(&thread[i], NULL, racer, &racers[i]) == 0, "thread");
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
}

static void to_device(struct race *race, unsigned thread)
{
	(void)thread;
	(void)dev_migrate(race->fd, race->p, race->bytes, 0);
}

static void to_host(struct race *race, unsigned thread)
{
	(void)thread;
	(void)dev_migrate(race->fd, race->p, race->bytes, FERRY_WHERE_HOST);
}

/* Each thread has words of its own in every page: what it wrote is there the next time. */
static void count_up(struct race *race, unsigned thread)
{
	volatile uint64_t *word = (volatile uint64_t *)race->p + thread;
	uint64_t was = *word;

	for (size_t at = 0; at < race->bytes; at += DEV_PAGE) {
		volatile uint64_t *w = (volatile uint64_t *)(race->p + at) + thread;

		CHECK(*w == was, "thread %u, page %zu: %llu, not %llu", thread, at / DEV_PAGE, (unsigned long long)*w,
		      (unsigned long long)was);
		*w = was + 1;
	}
}

static void cpu_against_migration(void)
{
	struct race race = {.fd = dev_open(), .bytes = 64 * DEV_PAGE};
	static const racer_fn fns[] = {count_up, count_up, to_device, to_host};

	race.p = dev_alloc(race.fd, race.bytes);
	race_for(&race, 3000, fns, 4);
}

static void gpu_adds(struct race *race, unsigned thread)
{
	/* Word 8 of the block is the device's. */
	uint64_t args[] = {(uintptr_t)race->p + 64, 1, 1}, launch;
	int error = dev_launch(race->fd, race->program, args, 3, &launch);

	(void)thread;
	if (!error)
		error = dev_wait(race->fd, launch, 10000000000ull);
	CHECK(error == 0, "launch: %s", dev_error_name(error));
	atomic_fetch_add(&race->launches, 1);
}

static void cpu_and_gpu_against_migration(void)
{
	struct race race = {.fd = dev_open(), .bytes = 64 * DEV_PAGE};
	static const racer_fn fns[] = {gpu_adds, count_up, to_host, to_device};

	race.p = dev_alloc(race.fd, race.bytes);
	race.program = dev_program_load(race.fd, DEV_PROGRAM_ADD);
	race_for(&race, 3000, fns, 4);
	CHECK(((uint64_t *)race.p)[8] == (uint64_t)atomic_load(&race.launches), "%llu additions of %d",
	      (unsigned long long)((uint64_t *)race.p)[8], atomic_load(&race.launches));
}

/* ---- mapping and unmapping under requests ---- */

static void map_and_unmap(struct race *race, unsigned thread)
{
	(void)thread;
	mmap(race->p, race->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, race->fd,
	     (off_t)(uintptr_t)race->p);
	(void)dev_range_create(race->fd, race->p, race->bytes, 0);
	ktap_sleep_us(500);
	/* Never a hole that another mapping could fall into. */
	mmap(race->p, race->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void gpu_writes_anything(struct race *race, unsigned thread)
{
	uint64_t args[] = {(uintptr_t)race->p, 1024, thread}, launch;

	if (!dev_launch(race->fd, race->program, args, 3, &launch))
		(void)dev_wait(race->fd, launch, 10000000000ull);
}

static void create_and_destroy(struct race *race, unsigned thread)
{
	(void)thread;
	(void)dev_range_create(race->fd, race->p, race->bytes, 0);
	(void)dev_range_destroy(race->fd, race->p);
}

static void protect_both_ways(struct race *race, unsigned thread)
{
	(void)thread;
	mprotect(race->p, race->bytes, PROT_READ);
	mprotect(race->p, race->bytes, PROT_READ | PROT_WRITE);
}

static struct race mapped(void)
{
	struct race race = {.fd = dev_open(), .bytes = DEV_BLOCK};

	race.p = dev_map(race.fd, race.bytes);
	CHECK(race.p, "mmap");
	race.program = dev_program_load(race.fd, DEV_PROGRAM_FILL);
	return race;
}

static void munmap_against_requests(void)
{
	struct race race = mapped();
	static const racer_fn fns[] = {map_and_unmap, to_device, gpu_writes_anything, to_host};

	race_for(&race, 3000, fns, 4);
}

static void two_make_one_range(void)
{
	struct race race = mapped();
	static const racer_fn fns[] = {create_and_destroy, create_and_destroy, to_device, gpu_writes_anything};

	race_for(&race, 2000, fns, 4);
}

static void mprotect_against_requests(void)
{
	struct race race = mapped();
	static const racer_fn fns[] = {protect_both_ways, to_device, gpu_writes_anything, to_host};

	CHECK(dev_range_create(race.fd, race.p, race.bytes, 0) == 0, "range");
	race_for(&race, 2000, fns, 4);
}

static void load_and_unload(struct race *race, unsigned thread)
{
	struct ferry_req_program_unload unload = {.size = sizeof(unload)};

	int error, tries = 0;

	(void)thread;
	unload.program = dev_program_load(race->fd, DEV_PROGRAM_FILL);
	/* Numbers are used again: who still launches the program that had ours before keeps us from unloading it. */
	do
		error = dev_call(race->fd, FERRY_REQ_PROGRAM_UNLOAD, &unload, sizeof(unload));
	while (error == FERRY_E_BUSY && ++tries < 1000);
	CHECK(error == 0 || error == FERRY_E_BUSY || error == FERRY_E_PROGRAM_ID, "unload of one's own: %s",
	      dev_error_name(error));
	/* And of what another thread is using. */
	unload.program = race->program;
	(void)dev_call(race->fd, FERRY_REQ_PROGRAM_UNLOAD, &unload, sizeof(unload));
}

static void programs_come_and_go(void)
{
	struct race race = mapped();
	static const racer_fn fns[] = {load_and_unload, load_and_unload, gpu_writes_anything, gpu_writes_anything};

	CHECK(dev_range_create(race.fd, race.p, race.bytes, 0) == 0, "range");
	race_for(&race, 2000, fns, 4);
}

/* ---- closing under requests ---- */

struct closing {
	atomic_int fd;
	atomic_bool stop;
};

static void *requester(void *arg)
{
	struct closing *c = arg;
	struct ferry_req_counters counters = {.size = sizeof(counters), .count = 64};
	struct ferry_req_wait wait = {.size = sizeof(wait), .launch = 1, .timeout_ns = 3000000};

	while (!atomic_load(&c->stop)) {
		struct ferry_call call = {
			.size = sizeof(call), .data = (uintptr_t)&counters, .bytes = sizeof(counters)};

		/* The descriptor may be closed, or be another handle by now: both are fine. */
		(void)dev_call_raw(atomic_load(&c->fd), FERRY_REQ_COUNTERS, &call);
		call = (struct ferry_call){.size = sizeof(call), .data = (uintptr_t)&wait, .bytes = sizeof(wait)};
		(void)dev_call_raw(atomic_load(&c->fd), FERRY_REQ_WAIT, &call);
	}
	return NULL;
}

static void close_during_requests(void)
{
	struct closing c = {.fd = -1};
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&thread[i], NULL, requester, &c) == 0, "thread");
	for (int i = 0; i < 60; i++) {
		int fd = dev_open();
		uint8_t *p = dev_alloc(fd, DEV_BLOCK);
		uint64_t launch;

		atomic_store(&c.fd, fd);
		(void)dev_migrate(fd, p, 32 * DEV_PAGE, 0);
		if (i % 4 == 0)
			(void)dev_launch(fd, dev_program_load(fd, DEV_PROGRAM_SPIN), NULL, 0, &launch);
		ktap_sleep_us(ktap_random_below(4000));
		CHECK(close(fd) == 0, "round %d", i);
		CHECK(munmap(p, DEV_BLOCK) == 0, "round %d", i);
	}
	atomic_store(&c.stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"the CPU counts while pages move", cpu_against_migration, 30},
		{"CPU and GPU count while pages move", cpu_and_gpu_against_migration, 40},
		{"munmap against requests", munmap_against_requests, 40},
		{"two threads make and destroy one range", two_make_one_range, 40},
		{"mprotect against requests", mprotect_against_requests, 40},
		{"programs come and go while they run", programs_come_and_go, 40},
		{"closing during requests", close_during_requests, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
