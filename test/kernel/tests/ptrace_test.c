/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Others look into the process: ptrace, /proc/PID/mem, process_vm_readv and writev, also while the pages are on the
 * device. What they read is what the owner wrote, what they write the owner and the device see.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define BYTES DEV_BLOCK
#define SEED 21
#define NEW 0x1122334455667788ull

/* What parent and child tell each other, in memory of their own. */
struct meeting {
	volatile uint32_t step;
	uint64_t *p;
	int fd;
};

static void reach(struct meeting *m, uint32_t step)
{
	m->step = step;
}

static void await(struct meeting *m, uint32_t step)
{
	uint64_t until = ktap_now_ms() + ktap_patience_ms(15000);

	while (m->step < step) {
		CHECK(ktap_now_ms() < until, "step %u was not reached, only %u", step, m->step);
		ktap_sleep_us(1000);
	}
}

/* The owner: pages on the device; then somebody else writes one word in each of the first three pages. */
static int owner(void *arg)
{
	struct meeting *m = arg;

	m->fd = dev_open();
	m->p = dev_alloc(m->fd, BYTES);
	dev_pattern_write(m->p, BYTES, SEED);
	dev_to_device(m->fd, m->p, BYTES);
	reach(m, 1);
	await(m, 2);
	for (size_t page = 0; page < 3; page++) {
		size_t word = page * DEV_PAGE / 8 + 1;

		CHECK(m->p[word] == NEW + page, "page %zu: word is %llx", page, (unsigned long long)m->p[word]);
		m->p[word] = dev_pattern_word(word, SEED);
	}
	CHECK(dev_pattern_check(m->p, BYTES, SEED) < 0, "the other words");
	/* And the device sees what was written, too. */
	dev_to_device(m->fd, m->p, BYTES);
	reach(m, 3);
	await(m, 4);
	CHECK(dev_run(m->fd, DEV_PROGRAM_ADD, m->p + 1, 1, 1) == 0, "program");
	CHECK(m->p[1] == NEW + 1, "the device read %llx", (unsigned long long)m->p[1] - 1);
	return 0;
}

/* How to look and how to write; 0, or an errno. */
struct way {
	int (*get)(pid_t pid, const uint64_t *at, uint64_t *value);
	int (*put)(pid_t pid, uint64_t *at, uint64_t value);
	int (*begin)(pid_t pid);
	void (*end)(pid_t pid);
};

static void with(const struct way *way)
{
	struct meeting *m = mmap(NULL, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t value;
	pid_t pid;

	CHECK(m != MAP_FAILED, "mmap");
	pid = ktap_child(owner, m);
	await(m, 1);
	if (way->begin)
		CHECK(way->begin(pid) == 0, "begin");
	for (size_t word = 0; word < BYTES / 8; word += 509) {
		int error = way->get(pid, m->p + word, &value);

		CHECK(error == 0, "read of word %zu: errno %d", word, error);
		CHECK(value == dev_pattern_word(word, SEED), "word %zu reads as %llx", word,
		      (unsigned long long)value);
	}
	for (size_t page = 0; page < 3; page++) {
		int error = way->put(pid, m->p + page * DEV_PAGE / 8 + 1, NEW + page);

		CHECK(error == 0, "write to page %zu: errno %d", page, error);
	}
	if (way->end)
		way->end(pid);
	reach(m, 2);
	await(m, 3);
	if (way->begin)
		CHECK(way->begin(pid) == 0, "begin");
	CHECK(way->put(pid, m->p + 1, NEW) == 0, "write to what is on the device");
	if (way->end)
		way->end(pid);
	reach(m, 4);
	ktap_wait_good(pid, 15000);
}

static int vm_get(pid_t pid, const uint64_t *at, uint64_t *value)
{
	struct iovec local = {value, sizeof(*value)}, remote = {(void *)(uintptr_t)at, sizeof(*value)};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(*value) ? 0 : errno;
}

static int vm_put(pid_t pid, uint64_t *at, uint64_t value)
{
	struct iovec local = {&value, sizeof(value)}, remote = {at, sizeof(value)};

	return process_vm_writev(pid, &local, 1, &remote, 1, 0) == sizeof(value) ? 0 : errno;
}

static void process_vm(void)
{
	static const struct way way = {.get = vm_get, .put = vm_put};

	with(&way);
}

static int mem_open(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0, "open %s", path);
	return fd;
}

static int mem_get(pid_t pid, const uint64_t *at, uint64_t *value)
{
	int fd = mem_open(pid);
	int error = pread(fd, value, sizeof(*value), (off_t)(uintptr_t)at) == sizeof(*value) ? 0 : errno;

	close(fd);
	return error;
}

static int mem_put(pid_t pid, uint64_t *at, uint64_t value)
{
	int fd = mem_open(pid);
	int error = pwrite(fd, &value, sizeof(value), (off_t)(uintptr_t)at) == sizeof(value) ? 0 : errno;

	close(fd);
	return error;
}

static void proc_mem(void)
{
	static const struct way way = {.get = mem_get, .put = mem_put};

	with(&way);
}

static int trace_begin(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		return errno;
	return waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) ? 0 : ECHILD;
}

static void trace_end(pid_t pid)
{
	CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0, "detach");
}

static int trace_get(pid_t pid, const uint64_t *at, uint64_t *value)
{
	errno = 0;
	*value = (uint64_t)ptrace(PTRACE_PEEKDATA, pid, at, 0);
	return errno;
}

static int trace_put(pid_t pid, uint64_t *at, uint64_t value)
{
	return ptrace(PTRACE_POKEDATA, pid, at, value) ? errno : 0;
}

static void ptraced(void)
{
	static const struct way way = {.get = trace_get, .put = trace_put, .begin = trace_begin, .end = trace_end};

	with(&way);
}

/* Readers of everything there is about a process, while its pages move. */
static int moves(void *arg)
{
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, BYTES);

	(void)arg;
	for (uint64_t i = 0; i < 100; i++) {
		dev_pattern_write(p, BYTES, i);
		CHECK(dev_migrate(fd, p, BYTES, 0) == 0, "round %llu", (unsigned long long)i);
		CHECK(dev_pattern_check(p, BYTES, i) < 0, "round %llu", (unsigned long long)i);
	}
	return 0;
}

static void read_file(pid_t pid, const char *name)
{
	char path[64], buf[16384];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static void proc_files(void)
{
	static const char *const names[] = {"maps", "smaps", "smaps_rollup", "numa_maps", "stack", "status", "statm"};
	pid_t pid = ktap_child(moves, NULL);
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			read_file(pid, names[i]);
	CHECK(status == 0, "wait status 0x%x", status);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"process_vm_readv and writev reach what is on the device", process_vm, 40},
		{"so does /proc/PID/mem", proc_mem, 40},
		{"so does ptrace", ptraced, 40},
		{"/proc/PID can be read while pages move", proc_files, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
