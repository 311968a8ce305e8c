/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fork, exec and exit: the child gets nothing, the parent loses nothing, and no order of endings matters.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define BYTES (2 * DEV_BLOCK)

struct shared {
	int fd;
	uint8_t *p;
};

static struct shared filled(uint64_t seed)
{
	struct shared s = {.fd = dev_open()};

	s.p = dev_alloc(s.fd, BYTES);
	dev_pattern_write(s.p, BYTES, seed);
	return s;
}

static int child_touches(void *arg)
{
	const struct shared *s = arg;

	for (size_t i = 0; i < BYTES; i += DEV_BLOCK / 2)
		CHECK(ktap_touch(s->p + i, i % DEV_BLOCK) == SIGSEGV, "the child has a mapping at %zu", i);
	/* The address is free for the child's own use. */
	CHECK(mmap(s->p, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == s->p,
	      "mmap in the child");
	s->p[0] = 1;
	return 0;
}

static void child_has_no_mapping(void)
{
	struct shared s = filled(1);

	for (int on_device = 0; on_device < 2; on_device++) {
		if (on_device)
			dev_to_device(s.fd, s.p, DEV_BLOCK);
		ktap_wait_good(ktap_child(child_touches, &s), 10000);
		CHECK(dev_pattern_check(s.p, BYTES, 1) < 0, "the parent's data, on device: %d", on_device);
	}
}

static int child_ends(void *arg)
{
	(void)arg;
	return 0;
}

/* Forks while pages move and programs run: fork write-protects and copies, under mmap_lock. */
static void *forker(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop))
		ktap_wait_good(ktap_child(child_ends, NULL), 10000);
	return NULL;
}

static void fork_while_pages_move(void)
{
	struct shared s = filled(2);
	atomic_bool stop = false;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, forker, &stop) == 0, "thread");
	for (uint64_t i = 0; i < 60; i++) {
		dev_pattern_write(s.p, DEV_BLOCK, i);
		CHECK(dev_migrate(s.fd, s.p, DEV_BLOCK, 0) == 0, "round %llu", (unsigned long long)i);
		CHECK(dev_pattern_check(s.p, DEV_BLOCK, i) < 0, "round %llu lost data", (unsigned long long)i);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

static int child_execs(void *arg)
{
	char *argv[] = {(char *)"/proc/self/exe", (char *)"--only", (char *)"no case has this name", NULL};

	(void)arg;
	execv(argv[0], argv);
	return 9;
}

/* exec replaces the address space of the child that has the (close-on-exec) descriptor. */
static void child_execs_something(void)
{
	struct shared s = filled(3);

	dev_to_device(s.fd, s.p, DEV_BLOCK);
	ktap_wait_good(ktap_child(child_execs, NULL), 10000);
	CHECK(dev_pattern_check(s.p, BYTES, 3) < 0, "the parent's data");
}

static int owner_execs(void *arg)
{
	struct shared s = filled(4);
	uint64_t launch;

	dev_to_device(s.fd, s.p, DEV_BLOCK);
	CHECK(dev_launch(s.fd, dev_program_load(s.fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	return child_execs(arg);
}

static void owner_execs_something(void)
{
	for (int i = 0; i < 5; i++)
		ktap_wait_good(ktap_child(owner_execs, NULL), 10000);
}

static int child_of_dead_parent(void *arg)
{
	const struct shared *s = arg;

	ktap_sleep_us(200000);
	(void)ktap_touch(s->p, true);
	return 0;
}

static int parent_ends_first(void *arg)
{
	struct shared s = filled(5);

	(void)arg;
	dev_to_device(s.fd, s.p, DEV_BLOCK);
	if (fork() == 0)
		_exit(child_of_dead_parent(&s));
	return 0;
}

static void owner_ends_before_its_child(void)
{
	for (int i = 0; i < 5; i++)
		ktap_wait_good(ktap_child(parent_ends_first, NULL), 10000);
	ktap_sleep_us(400000);
}

static int exit_in_the_middle(void *arg)
{
	struct shared s = filled(6);
	uint64_t launch;

	CHECK(dev_launch(s.fd, dev_program_load(s.fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	dev_to_device(s.fd, s.p, DEV_BLOCK);
	if (*(int *)arg % 2)
		close(s.fd);
	if (*(int *)arg % 3 == 0)
		raise(SIGTERM);
	return 0;
}

static void ends_with_work_under_way(void)
{
	for (int i = 0; i < 12; i++) {
		pid_t pid = ktap_child(exit_in_the_middle, &i);
		int status = ktap_wait(pid, 10000);

		CHECK(i % 3 == 0 ? WIFSIGNALED(status) : status == 0, "ending %d: wait status 0x%x", i, status);
	}
	/* Nothing of it is left on the device. */
	struct shared s = filled(7);
	struct ferry_req_device_info info = {.size = sizeof(info)};

	CHECK(dev_call(s.fd, FERRY_REQ_DEVICE_INFO, &info, sizeof(info)) == 0, "info");
	CHECK(info.vram_free_bytes + 256 * DEV_PAGE >= info.vram_bytes, "%llu of %llu bytes are free",
	      (unsigned long long)info.vram_free_bytes, (unsigned long long)info.vram_bytes);
}

static void vfork_shares_the_space(void)
{
	struct shared s = filled(8);
	volatile int seen = 0;
	pid_t pid;
	int status;

	dev_to_device(s.fd, s.p, DEV_BLOCK);
	/* A vfork child has its parent's mm: it may use the memory. */
	pid = vfork();
	if (pid == 0) {
		seen = ((volatile uint64_t *)s.p)[5] == dev_pattern_word(5, 8);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "vfork");
	CHECK(seen, "the child of a vfork sees the memory");
	CHECK(dev_pattern_check(s.p, BYTES, 8) < 0, "the data afterwards");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a child has no mapping, its parent goes on", child_has_no_mapping, 0},
		{"forks while pages move", fork_while_pages_move, 60},
		{"a child that execs takes nothing away", child_execs_something, 0},
		{"an owner that execs leaves nothing behind", owner_execs_something, 0},
		{"an owner may end before its child", owner_ends_before_its_child, 0},
		{"a process may end with work under way", ends_with_work_under_way, 60},
		{"a vfork child shares the space", vfork_shares_the_space, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
