/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Loading and unloading, a hundred times, with and without work. Runs with no module loaded, and leaves none.
 * --rounds N.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"

/* What a hundred loads may leave behind in slabs and vmalloc: caches of the kernel's, not a leak a round. */
#define GROWTH_KB_MAX 2048

struct memory {
	long slab_kb, vmalloc_kb, percpu_kb;
};

static struct memory memory_now(void)
{
	/* Objects freed by RCU and pages in per-CPU lists are not gone at once. */
	ktap_sleep_us(300000);
	return (struct memory){mod_memory_kb("SUnreclaim"), mod_memory_kb("VmallocUsed"), mod_memory_kb("Percpu")};
}

static void memory_is_as_before(struct memory before)
{
	struct memory after = memory_now();

	printf("# slab %+ld KiB, vmalloc %+ld KiB, percpu %+ld KiB\n", after.slab_kb - before.slab_kb,
	       after.vmalloc_kb - before.vmalloc_kb, after.percpu_kb - before.percpu_kb);
	fflush(stdout);
	CHECK(after.slab_kb - before.slab_kb < GROWTH_KB_MAX, "slabs grew");
	CHECK(after.vmalloc_kb - before.vmalloc_kb < GROWTH_KB_MAX, "vmalloc grew");
	CHECK(after.percpu_kb - before.percpu_kb < GROWTH_KB_MAX, "per-CPU memory grew");
}

static void without_work(void)
{
	uint64_t rounds = ktap_option("rounds", 100);
	struct memory before;

	for (uint64_t i = 0; i < rounds; i++) {
		mod_load_all();
		mod_unload_all();
		if (i == 4) /* from here on: the first rounds fill the kernel's caches */
			before = memory_now();
	}
	if (rounds > 5)
		memory_is_as_before(before);
}

static int works(void *arg)
{
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, 2 * DEV_BLOCK);
	int error;

	(void)arg;
	dev_pattern_write(p, 2 * DEV_BLOCK, 1);
	(void)dev_migrate(fd, p, DEV_BLOCK, 0);
	error = dev_run(fd, DEV_PROGRAM_FILL, p, 600, 9);
	CHECK(error == 0, "%s", dev_error_name(error));
	CHECK(p[599] == 9 && p[600] == dev_pattern_word(600, 1), "the result");
	return 0; /* everything is left to exit */
}

static void with_work(void)
{
	uint64_t rounds = ktap_option("rounds", 100);
	struct memory before;

	for (uint64_t i = 0; i < rounds; i++) {
		mod_load_all();
		ktap_wait_good(ktap_child(works, NULL), 10000);
		mod_unload_all();
		if (i == 4)
			before = memory_now();
	}
	if (rounds > 5)
		memory_is_as_before(before);
}

static int spins(void *arg)
{
	int fd = dev_open();
	uint64_t launch;

	(void)arg;
	CHECK(dev_launch(fd, dev_program_load(fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	return dev_wait(fd, launch, UINT64_MAX);
}

/* While it is used it cannot be unloaded; the moment its user was killed it can. */
static void under_load(void)
{
	for (int i = 0; i < 10; i++) {
		uint64_t until;
		pid_t pid;
		int error = 0;

		mod_load_all();
		pid = ktap_child(spins, NULL);
		until = ktap_now_ms() + ktap_patience_ms(5000);
		while ((error = mod_unload("ferry")) == EWOULDBLOCK && ktap_now_ms() < until && ktap_random_below(20))
			ktap_sleep_us(3000);
		CHECK(error == EWOULDBLOCK, "ferry was unloaded under a user: errno %d", error);
		ktap_kill(pid);
		mod_unload_all();
	}
}

static int opens_for_ever(void *arg)
{
	uint64_t *opened = arg;

	for (;;) {
		int fd = open(DEV_PATH, O_RDWR | O_CLOEXEC);

		if (fd >= 0) {
			struct ferry_req_counters counters = {.size = sizeof(counters), .count = 64};
			int error = dev_call(fd, FERRY_REQ_COUNTERS, &counters, sizeof(counters));

			CHECK(error == 0 || error == FERRY_E_DEVICE_LOST, "%s", dev_error_name(error));
			(*opened)++;
			close(fd);
		}
	}
	return 0;
}

/* Others open the device at the very moment it comes and goes. */
static void openers_against_unload(void)
{
	_Atomic uint64_t *opened = mmap(NULL, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[2];
	int unloaded = 0;

	CHECK(opened != MAP_FAILED, "mmap");
	for (int i = 0; i < 2; i++)
		pid[i] = ktap_child(opens_for_ever, (void *)&opened[i]);
	for (int i = 0; i < 40; i++) {
		int error = mod_load("ferry", "");

		CHECK(error == 0 || error == EEXIST, "ferry: errno %d", error);
		error = mod_load("ferry_soft", "");
		CHECK(error == 0 || error == EEXIST, "ferry_soft: errno %d", error);
		ktap_sleep_us(ktap_random_below(20000));
		error = mod_unload("ferry_soft");
		CHECK(error == 0 || error == EWOULDBLOCK, "ferry_soft: errno %d", error);
		unloaded += error == 0;
		if (!error) {
			error = mod_unload("ferry");
			CHECK(error == 0 || error == EWOULDBLOCK, "ferry: errno %d", error);
		}
	}
	for (int i = 0; i < 2; i++)
		ktap_kill(pid[i]);
	printf("# unloaded %d times, opened %llu and %llu times\n", unloaded, (unsigned long long)opened[0],
	       (unsigned long long)opened[1]);
	fflush(stdout);
	(void)mod_unload("ferry_soft");
	(void)mod_unload("ferry");
	CHECK(opened[0] + opened[1] > 0, "nobody ever got in");
}

/* What the parameters may not be: refused, with nothing left behind. */
static void bad_parameters(void)
{
	static const char *const wrong[] = {"vram_mb=0", "vram_mb=3",    "vram_mb=1000000", "vram_mb=-2",
	                                    "devices=0", "devices=1000", "devices=-1",      "sms=65",
	                                    "nodes=0",   "nodes=17"};

	CHECK(mod_load("ferry", "") == 0, "ferry");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int error = mod_load("ferry_soft", wrong[i]);

		CHECK(error != 0, "ferry_soft was loaded with %s", wrong[i]);
		CHECK(access(DEV_PATH, F_OK) != 0, "%s left a device", wrong[i]);
	}
	CHECK(mod_unload("ferry") == 0, "ferry's unload");
	mod_load_all();
	mod_unload_all();
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a hundred times without work", without_work, 300},
		{"a hundred times with work", with_work, 300},
		{"never under a user, at once after he was killed", under_load, 120},
		{"while others open it", openers_against_unload, 120},
		{"bad parameters are refused", bad_parameters, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
