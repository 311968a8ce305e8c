/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Read-mostly memory: a page is on the CPU and on the device at once while both only read it. A write on either side
 * leaves the writer the only copy; and who writes may be a system call, another process, or a disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define PAGES 64ul
#define BYTES (PAGES * DEV_PAGE)
#define WORDS (DEV_PAGE / 8) /* in a page */
#define BOTH (DEV_ON_HOST | DEV_ON_DEVICE)

struct shared {
	int fd;
	volatile uint64_t *p; /* read-mostly; the first word of page i is 1000 + i */
	uint64_t *sum;        /* where the device writes what it has read */
};

static uint64_t first_sum(void)
{
	return 1000 * PAGES + PAGES * (PAGES - 1) / 2;
}

static uint64_t cpu_sum(const struct shared *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PAGES; i++)
		sum += s->p[i * WORDS];
	return sum;
}

static void gpu_reads(const struct shared *s)
{
	int error = dev_run(s->fd, DEV_PROGRAM_SUM, (const void *)s->p, PAGES, (uintptr_t)s->sum);

	CHECK(error == 0, "the device reads: %s", dev_error_name(error));
}

static uint64_t gpu_sum(const struct shared *s)
{
	gpu_reads(s);
	return *s->sum;
}

static unsigned where(const struct shared *s, size_t page)
{
	return dev_where(s->fd, (const void *)(s->p + page * WORDS));
}

/* Written by the CPU before the advice is given: such pages are mapped for writing, and must not stay so. */
static struct shared filled(void)
{
	struct shared s = {.fd = dev_open()};

	s.p = dev_alloc(s.fd, BYTES);
	s.sum = dev_alloc(s.fd, DEV_PAGE);
	for (size_t i = 0; i < PAGES; i++)
		s.p[i * WORDS] = 1000 + i;
	CHECK(dev_advise(s.fd, (const void *)s.p, BYTES, FERRY_ADVICE_READ_MOSTLY, FERRY_WHERE_NONE) == 0, "advice");
	return s;
}

/* And read on both sides. */
static struct shared duplicated(void)
{
	struct shared s = filled();

	CHECK(gpu_sum(&s) == first_sum(), "what the device reads is %llu", (unsigned long long)*s.sum);
	CHECK(cpu_sum(&s) == first_sum(), "what the CPU reads");
	for (size_t i = 0; i < PAGES; i++)
		CHECK(where(&s, i) == BOTH, "page %zu is at %u", i, where(&s, i));
	return s;
}

/* The CPU wrote value to the first word of page: nobody else has an old one. */
static void cpu_has_written(const struct shared *s, size_t page, uint64_t value)
{
	CHECK(where(s, page) == DEV_ON_HOST, "after the write page %zu is at %u", page, where(s, page));
	CHECK(s->p[page * WORDS] == value, "the CPU reads %llu", (unsigned long long)s->p[page * WORDS]);
	CHECK(gpu_sum(s) == first_sum() - 1000 - page + value, "the device reads old bytes of page %zu", page);
	CHECK(where(s, page) == BOTH, "page %zu is shared again, it is at %u", page, where(s, page));
}

static void capability(void)
{
	struct ferry_req_capability req = {.size = sizeof(req), .capability = FERRY_CAPABILITY_READ_MOSTLY};

	CHECK(dev_call(dev_open(), FERRY_REQ_CAPABILITY, &req, sizeof(req)) == 0, "capability");
	CHECK(req.supported == 1, "not there: %s", req.reason);
}

/* Nothing moves, nothing faults, nothing is taken away while both sides read, however often. */
static void reads_do_not_ping_pong(void)
{
	static const enum ferry_counter still[] = {
		FERRY_COUNTER_faults_cpu,    FERRY_COUNTER_faults_gpu,      FERRY_COUNTER_pages_to_device,
		FERRY_COUNTER_pages_to_host, FERRY_COUNTER_bytes_to_device, FERRY_COUNTER_zaps,
		FERRY_COUNTER_maps_remote,
	};
	struct shared s = duplicated();
	uint64_t before[sizeof(still) / sizeof(still[0])];

	gpu_reads(&s); /* the sum is the device's now, and nobody reads it before the end */
	CHECK(cpu_sum(&s) == first_sum(), "first round");
	for (size_t i = 0; i < sizeof(still) / sizeof(still[0]); i++)
		before[i] = dev_counter(s.fd, still[i]);
	for (int round = 0; round < 20; round++) {
		gpu_reads(&s);
		CHECK(cpu_sum(&s) == first_sum(), "round %d", round);
	}
	for (size_t i = 0; i < sizeof(still) / sizeof(still[0]); i++)
		CHECK(dev_counter(s.fd, still[i]) == before[i], "counter %d went from %llu to %llu", still[i],
		      (unsigned long long)before[i], (unsigned long long)dev_counter(s.fd, still[i]));
	CHECK(*s.sum == first_sum(), "the device");
}

static void cpu_write_takes_the_copy(void)
{
	struct shared s = duplicated();

	for (size_t i = 0; i < PAGES; i += 7) {
		s.p[i * WORDS] = 5000000;
		cpu_has_written(&s, i, 5000000);
		s.p[i * WORDS] = 1000 + i;
	}
}

static void gpu_write_takes_the_copy(void)
{
	struct shared s = duplicated();

	for (size_t i = 0; i < PAGES; i += 7) {
		void *at = (void *)(s.p + i * WORDS);

		CHECK(dev_run(s.fd, DEV_PROGRAM_FILL, at, 1, 77) == 0, "the device writes");
		CHECK(where(&s, i) == DEV_ON_DEVICE, "after the write page %zu is at %u", i, where(&s, i));
		CHECK(s.p[i * WORDS] == 77, "the CPU reads %llu", (unsigned long long)s.p[i * WORDS]);
		CHECK(where(&s, i) == BOTH, "page %zu is shared again, it is at %u", i, where(&s, i));
		s.p[i * WORDS] = 1000 + i;
	}
	CHECK(gpu_sum(&s) == first_sum(), "the device");
}

static void no_longer_read_mostly(void)
{
	struct shared s = duplicated();

	CHECK(dev_advise(s.fd, (const void *)s.p, BYTES, FERRY_ADVICE_NOT_READ_MOSTLY, FERRY_WHERE_NONE) == 0,
	      "advice");
	s.p[0] = 1;
	CHECK(where(&s, 0) == DEV_ON_HOST, "page 0 is at %u", where(&s, 0));
	CHECK(gpu_sum(&s) == first_sum() - 1000 + 1, "the device");
	CHECK(cpu_sum(&s) == first_sum() - 1000 + 1, "the CPU");
	CHECK(where(&s, 0) == DEV_ON_HOST, "a page that the CPU reads comes home, it is at %u", where(&s, 0));
}

/* mprotect knows a page that may be written by its entry: it must not give back what the driver took. */
static void mprotect_and_back(void)
{
	struct shared s = duplicated();
	void *all = (void *)s.p;

	CHECK(mprotect(all, BYTES, PROT_READ) == 0, "read only");
	CHECK(cpu_sum(&s) == first_sum(), "reading");
	CHECK(ktap_touch((void *)s.p, true) == SIGSEGV, "writing");
	CHECK(mprotect(all, BYTES, PROT_READ | PROT_WRITE) == 0, "and back");
	CHECK(where(&s, 3) == BOTH, "page 3 is at %u", where(&s, 3));
	s.p[3 * WORDS] = 8;
	cpu_has_written(&s, 3, 8);
	/* Pages that were written to, and then shared, while nobody may write. */
	s.p[3 * WORDS] = 9;
	CHECK(mprotect(all, BYTES, PROT_READ) == 0, "read only");
	gpu_reads(&s);
	CHECK(cpu_sum(&s) == first_sum() - 1003 + 9, "reading");
	CHECK(mprotect(all, BYTES, PROT_READ | PROT_WRITE) == 0, "and back");
	s.p[3 * WORDS] = 10;
	cpu_has_written(&s, 3, 10);
}

static void advice_of_the_kernel(void)
{
	struct shared s = duplicated();

	CHECK(madvise((void *)s.p, BYTES, MADV_DONTNEED) == 0, "MADV_DONTNEED");
	CHECK(cpu_sum(&s) == first_sum(), "reading");
	CHECK(where(&s, 5) == BOTH, "page 5 is at %u", where(&s, 5));
	s.p[5 * WORDS] = 6;
	cpu_has_written(&s, 5, 6);
}

static int child(void *arg)
{
	struct shared *s = arg;

	CHECK(ktap_touch((void *)s->p, false) == SIGSEGV, "the child has no such mapping");
	return 0;
}

static void fork_leaves_it_alone(void)
{
	struct shared s = duplicated();

	ktap_wait_good(ktap_child(child, &s), 10000);
	CHECK(cpu_sum(&s) == first_sum(), "reading");
	s.p[9 * WORDS] = 3;
	cpu_has_written(&s, 9, 3);
}

/* ---- system calls that write, and those that hold ---- */

static void system_calls_write(void)
{
	struct shared s = duplicated();
	uint64_t value = 42;
	struct iovec from = {&value, 8}, to = {(void *)(s.p + 2 * WORDS), 8};
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC), ends[2];

	CHECK(mem >= 0 && pipe2(ends, O_CLOEXEC) == 0, "open");
	CHECK(pwrite(mem, &value, 8, (off_t)(uintptr_t)s.p) == 8, "/proc/self/mem");
	cpu_has_written(&s, 0, 42);
	s.p[0] = 1000;
	CHECK(process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 8, "process_vm_writev: errno %d", errno);
	cpu_has_written(&s, 2, 42);
	s.p[2 * WORDS] = 1002;
	CHECK(write(ends[1], &value, 8) == 8 && read(ends[0], (void *)(s.p + 4 * WORDS), 8) == 8, "read into it");
	cpu_has_written(&s, 4, 42);
}

/* The disk that the machine was given; its name depends on the kernel. */
static int disk(void)
{
	int fd = open("/dev/nvme0n1", O_RDWR | O_DIRECT | O_CLOEXEC);

	return fd >= 0 ? fd : open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
}

static void disk_writes(void)
{
	struct shared s = duplicated();
	uint64_t *other = dev_alloc(s.fd, DEV_PAGE);
	int dsk = disk();

	CHECK(dsk >= 0, "this machine has no disk");
	other[0] = 64;
	CHECK(pwrite(dsk, other, DEV_PAGE, 0) == (ssize_t)DEV_PAGE, "to the disk");
	CHECK(pwrite(dsk, (const void *)(s.p + WORDS), DEV_PAGE, DEV_PAGE) == (ssize_t)DEV_PAGE,
	      "from a shared page");
	CHECK(gpu_sum(&s) == first_sum(), "the device");
	CHECK(pread(dsk, (void *)(s.p + 6 * WORDS), DEV_PAGE, 0) == (ssize_t)DEV_PAGE, "from the disk");
	CHECK(s.p[6 * WORDS] == 64, "the CPU");
	CHECK(gpu_sum(&s) == first_sum() - 1006 + 64, "the device");
}

/* Who holds a page may write to it without asking: so there is one copy, and the device works on that. */
static void held_pages_are_not_duplicated(void)
{
	struct shared s = filled();
	struct iovec iov = {(void *)s.p, 4 * DEV_PAGE};
	static uint64_t copy[4 * WORDS];
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(vmsplice(ends[1], &iov, 1, 0) == (ssize_t)iov.iov_len, "vmsplice");
	CHECK(gpu_sum(&s) == first_sum(), "the device");
	for (size_t i = 0; i < 4; i++)
		CHECK(where(&s, i) == DEV_ON_HOST, "held page %zu is at %u", i, where(&s, i));
	CHECK(where(&s, 20) == BOTH, "page 20 is at %u", where(&s, 20));
	s.p[0] = 2000;
	CHECK(gpu_sum(&s) == first_sum() + 1000, "the device sees the write");
	CHECK(read(ends[0], copy, sizeof(copy)) == sizeof(copy) && copy[0] == 2000, "so does the pipe");
	CHECK(dev_migrate(s.fd, (const void *)s.p, BYTES, 0) == 0, "migration");
	CHECK(cpu_sum(&s) == first_sum() + 1000, "the CPU");
	CHECK(where(&s, 0) == BOTH, "page 0, let go of, is at %u", where(&s, 0));
}

/* Held only after it was duplicated: to read from, which is no write; a write of the device goes to the page. */
static void held_after_it_was_duplicated(void)
{
	struct shared s = duplicated();
	struct iovec iov = {(void *)s.p, 4 * DEV_PAGE};
	static uint64_t copy[4 * WORDS];
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(vmsplice(ends[1], &iov, 1, 0) == (ssize_t)iov.iov_len, "vmsplice");
	CHECK(dev_run(s.fd, DEV_PROGRAM_FILL, (const void *)s.p, 1, 31) == 0, "the device writes");
	CHECK(s.p[0] == 31, "the CPU reads %llu", (unsigned long long)s.p[0]);
	CHECK(gpu_sum(&s) == first_sum() - 1000 + 31, "the device");
	CHECK(read(ends[0], copy, sizeof(copy)) == sizeof(copy) && copy[0] == 31, "the pipe has %llu",
	      (unsigned long long)copy[0]);
}

/* ---- races ---- */

struct race {
	struct shared s;
	uint64_t end_ms;
	uint32_t add, sum;
	atomic_ullong cpu_added, gpu_added;
};

static void launch(struct race *race, uint32_t program, const volatile void *at, uint64_t count, uint64_t value)
{
	uint64_t args[] = {(uintptr_t)at, count, value}, id;
	int error = dev_launch(race->s.fd, program, args, 3, &id);

	if (!error)
		error = dev_wait(race->s.fd, id, 10000000000ull);
	CHECK(error == 0, "launch: %s", dev_error_name(error));
}

/* Word 1 of each page is the CPU's, word 2 the device's, word 0 stays. */
static void *cpu_writer(void *arg)
{
	struct race *race = arg;
	uint64_t done = 0;

	while (ktap_now_ms() < race->end_ms) {
		volatile uint64_t *page = race->s.p + done % PAGES * WORDS;

		CHECK(page[1] == done / PAGES, "page %llu: word 1 is %llu, not %llu",
		      (unsigned long long)(done % PAGES), (unsigned long long)page[1],
		      (unsigned long long)(done / PAGES));
		page[1]++;
		done++;
		if (done % 8 == 0)
			ktap_sleep_us(300);
	}
	atomic_store(&race->cpu_added, done);
	return NULL;
}

static void *cpu_reader(void *arg)
{
	struct race *race = arg;

	while (ktap_now_ms() < race->end_ms)
		CHECK(cpu_sum(&race->s) == first_sum(), "the CPU reads something else");
	return NULL;
}

static void *gpu_writer(void *arg)
{
	struct race *race = arg;
	uint64_t done = 0;

	while (ktap_now_ms() < race->end_ms) {
		launch(race, race->add, race->s.p + done % PAGES * WORDS + 2, 1, 1);
		done++;
		ktap_sleep_us(2000);
	}
	atomic_store(&race->gpu_added, done);
	return NULL;
}

static void *gpu_reader(void *arg)
{
	struct race *race = arg;

	while (ktap_now_ms() < race->end_ms) {
		launch(race, race->sum, race->s.p, PAGES, (uintptr_t)race->s.sum);
		CHECK(*race->s.sum == first_sum(), "the device reads %llu", (unsigned long long)*race->s.sum);
	}
	return NULL;
}

static void everybody_at_once(void)
{
	struct race race = {.s = filled(), .end_ms = ktap_now_ms() + 4000};
	static void *(*const fns[])(void *) = {cpu_writer, cpu_reader, gpu_writer, gpu_reader};
	uint64_t cpu = 0, gpu = 0;
	pthread_t thread[4];

	race.add = dev_program_load(race.s.fd, DEV_PROGRAM_ADD);
	race.sum = dev_program_load(race.s.fd, DEV_PROGRAM_SUM);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&thread[i], NULL, fns[i], &race) == 0, "thread");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < PAGES; i++) {
		cpu += race.s.p[i * WORDS + 1];
		gpu += race.s.p[i * WORDS + 2];
	}
	CHECK(cpu == atomic_load(&race.cpu_added), "%llu writes of the CPU are there", (unsigned long long)cpu);
	CHECK(gpu == atomic_load(&race.gpu_added), "%llu additions of the device are there", (unsigned long long)gpu);
	printf("# %llu CPU writes, %llu device writes, %llu CPU faults, %llu GPU faults\n", (unsigned long long)cpu,
	       (unsigned long long)gpu, (unsigned long long)dev_counter(race.s.fd, FERRY_COUNTER_faults_cpu),
	       (unsigned long long)dev_counter(race.s.fd, FERRY_COUNTER_faults_gpu));
	fflush(stdout);
}

/* Advice that comes and goes, and mappings that do, under readers and writers. */
static void *adviser(void *arg)
{
	struct race *race = arg;

	while (ktap_now_ms() < race->end_ms) {
		(void)dev_advise(race->s.fd, (const void *)race->s.p, BYTES, FERRY_ADVICE_NOT_READ_MOSTLY,
		                 FERRY_WHERE_NONE);
		(void)madvise((void *)race->s.p, BYTES, MADV_DONTNEED);
		(void)dev_advise(race->s.fd, (const void *)race->s.p, BYTES, FERRY_ADVICE_READ_MOSTLY,
		                 FERRY_WHERE_NONE);
		ktap_sleep_us(500);
	}
	return NULL;
}

static void advice_under_load(void)
{
	struct race race = {.s = filled(), .end_ms = ktap_now_ms() + 3000};
	static void *(*const fns[])(void *) = {cpu_writer, adviser, gpu_reader, cpu_reader};
	pthread_t thread[4];

	race.sum = dev_program_load(race.s.fd, DEV_PROGRAM_SUM);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&thread[i], NULL, fns[i], &race) == 0, "thread");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK(cpu_sum(&race.s) == first_sum(), "the data");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"the kernel host can do it", capability, 0},
		{"what both sides read stays on both sides", reads_do_not_ping_pong, 0},
		{"a write of the CPU takes the device's copy", cpu_write_takes_the_copy, 0},
		{"a write of the device takes the CPU's copy", gpu_write_takes_the_copy, 0},
		{"advice can be taken back", no_longer_read_mostly, 0},
		{"mprotect gives nothing back that was taken", mprotect_and_back, 0},
		{"MADV_DONTNEED loses nothing", advice_of_the_kernel, 0},
		{"fork leaves it alone", fork_leaves_it_alone, 0},
		{"system calls and other processes write", system_calls_write, 0},
		{"a disk reads from it and writes to it", disk_writes, 0},
		{"a page that is held is not duplicated", held_pages_are_not_duplicated, 0},
		{"a page may be held while it is duplicated", held_after_it_was_duplicated, 0},
		{"readers and writers of both sides at once", everybody_at_once, 60},
		{"advice comes and goes under load", advice_under_load, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
