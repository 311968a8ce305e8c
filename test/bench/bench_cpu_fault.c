/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a CPU's touch of a device-resident 4 KiB page costs, beside the cheapest things a user can do without a
 * driver: give 4 KiB of data to a thread that touches a page it does not have. All in one run, in turns.
 *
 *   uffd-sigbus     userfaultfd, SIGBUS in the touching thread, UFFDIO_COPY
 *   uffd-thread     userfaultfd, a thread that reads the event, UFFDIO_COPY
 *   mprotect        PROT_NONE, SIGSEGV, mprotect, memcpy
 *
 * Ferry takes away the device's mapping, invalidates its TLB, copies with the copy engine and maps the page.
 *
 * Rows: signal mode beside the cheapest of the three; thread mode beside a bare thread, the only one of the three
 * that serves faults inside the kernel too; and thread mode again with the touching thread bound to one CPU, beside
 * the cheapest of the three bound likewise, the serving thread of theirs included.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ferry/ferry.h"
#include "test/bench/bench.h"

#define PAGE 4096u
#define PAGES 64u
#define ROUNDS 60u

static uint8_t source[PAGES][PAGE] __attribute__((aligned(4096)));
static uint8_t *area; /* of the peer that runs now */
static int uffd = -1;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t touch_all(uint8_t *const *page)
{
	uint64_t start = bench_now_ns(), sum = 0;

	for (uint32_t i = 0; i < PAGES; i++)
		sum += *(volatile uint64_t *)page[i];
	bench_keep(&sum);
	return bench_now_ns() - start;
}

/* ---- peers --------------------------------------------------------------------------------------------- */

static void uffd_give(uint8_t *page)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page, .src = (uintptr_t)source[(page - area) / PAGE], .len = PAGE};

	(void)ioctl(uffd, UFFDIO_COPY, &copy);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uint8_t *page = (uint8_t *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));

	(void)context;
	if (page < area || page >= area + PAGES * PAGE)
		_exit(3);
	if (number == SIGBUS) {
		uffd_give(page);
		return;
	}
	if (mprotect(page, PAGE, PROT_READ | PROT_WRITE))
		_exit(4);
	memcpy(page, source[(page - area) / PAGE], PAGE);
}

static int uffd_open(uint64_t features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		die("userfaultfd");
	return fd;
}

static void uffd_area(uint64_t features)
{
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = uffd_open(features);
	reg.range.start = (uintptr_t)area;
	reg.range.len = PAGES * PAGE;
	if (area == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg))
		die("uffd area");
}

static void pages_of_area(uint8_t **page)
{
	for (uint32_t i = 0; i < PAGES; i++)
		page[i] = area + i * PAGE;
}

static double peer_sigbus(void)
{
	uint8_t *page[PAGES];
	uint64_t ns;

	uffd_area(UFFD_FEATURE_SIGBUS);
	pages_of_area(page);
	ns = touch_all(page);
	munmap(area, PAGES * PAGE);
	close(uffd);
	return (double)ns / PAGES;
}

static void *uffd_main(void *arg)
{
	struct uffd_msg msg;

	(void)arg;
	for (uint32_t i = 0; i < PAGES; i++) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			die("uffd read");
		uffd_give((uint8_t *)(uintptr_t)(msg.arg.pagefault.address & ~(uint64_t)(PAGE - 1)));
	}
	return NULL;
}

static double peer_thread(void)
{
	uint8_t *page[PAGES];
	pthread_t thread;
	uint64_t ns;

	uffd_area(0);
	pages_of_area(page);
	if (pthread_create(&thread, NULL, uffd_main, NULL))
		die("thread");
	ns = touch_all(page);
	pthread_join(thread, NULL);
	munmap(area, PAGES * PAGE);
	close(uffd);
	return (double)ns / PAGES;
}

static double peer_mprotect(void)
{
	uint8_t *page[PAGES];
	uint64_t ns;

	area = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	pages_of_area(page);
	ns = touch_all(page);
	munmap(area, PAGES * PAGE);
	return (double)ns / PAGES;
}

/* ---- ours ------------------------------------------------------------------------------------------------- */

struct ours {
	struct ferry *f;
	uint8_t *page[PAGES];
};

static void ferry_die(const char *what, int error)
{
	fprintf(stderr, "%s: %s (%s)\n", what, ferry_strerror(error), ferry_last_error());
	exit(1);
}

static void ours_open(struct ours *o, enum ferry_cpu_faults how)
{
	struct ferry_options options = {
		.size = sizeof(options), .cpu_faults = how, .sms = 1, .vram_bytes = 16u << 20};
	int err = ferry_open(&options, &o->f);

	if (err)
		ferry_die("open", err);
	/* One page an allocation: nothing comes along. */
	for (uint32_t i = 0; i < PAGES; i++) {
		err = ferry_alloc(o->f, PAGE, 0, (void **)&o->page[i]);
		if (err)
			ferry_die("alloc", err);
		memset(o->page[i], (int)i, PAGE);
	}
}

static double ours_round(struct ours *o)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		int err = ferry_migrate(o->f, o->page[i], PAGE, 0);

		if (err)
			ferry_die("migrate", err);
	}
	return (double)touch_all(o->page) / PAGES;
}

/* ---- rows ------------------------------------------------------------------------------------------------- */

struct peers {
	double sigbus[ROUNDS], mprot[ROUNDS], thread[ROUNDS];
};

static void peers_round(struct peers *p, uint32_t round)
{
	p->sigbus[round] = peer_sigbus();
	p->mprot[round] = peer_mprotect();
	p->thread[round] = peer_thread();
}

static void row(const char *id, double *ours, double peer, const char *peer_name)
{
	struct bench_row r = {.id = id, .unit = "ns", .target = "peer<=1.5", .peer = peer, .peer_name = peer_name};

	r.ours = bench_median(ours, ROUNDS);
	bench_print(&r);
}

/* Beside the cheapest of the three. */
static void row_cheapest(const char *id, double *ours, struct peers *p)
{
	double peer[3] = {bench_median(p->sigbus, ROUNDS), bench_median(p->mprot, ROUNDS),
	                  bench_median(p->thread, ROUNDS)};
	static const char *const name[3] = {"uffd-sigbus", "mprotect", "uffd-thread"};
	uint32_t best = peer[0] < peer[1] ? 0 : 1;

	best = peer[2] < peer[best] ? 2 : best;
	row(id, ours, peer[best], name[best]);
}

/* Bind this thread to the CPU it is on, or to all again. Threads that it starts meanwhile are bound too. */
static void bind_here(bool on, const cpu_set_t *all)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), on ? &one : all))
		die("affinity");
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	static double signal_ns[ROUNDS], thread_ns[ROUNDS], bound_ns[ROUNDS];
	static struct peers peers, bound;
	struct ours by_signal, by_thread;
	cpu_set_t all;

	/* Before the library: its handler hands on what is not its own. */
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	memset(source, 7, sizeof(source));
	if (sched_getaffinity(0, sizeof(all), &all))
		die("affinity");
	ours_open(&by_signal, FERRY_CPU_FAULTS_SIGNAL);
	ours_open(&by_thread, FERRY_CPU_FAULTS_THREAD);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		signal_ns[i] = ours_round(&by_signal);
		peers_round(&peers, i);
		thread_ns[i] = ours_round(&by_thread);
		bind_here(true, &all);
		bound_ns[i] = ours_round(&by_thread);
		peers_round(&bound, i);
		bind_here(false, &all);
	}
	row_cheapest("cpu-fault-4k", signal_ns, &peers);
	row("cpu-fault-4k-thread", thread_ns, bench_median(peers.thread, ROUNDS), "uffd-thread");
	row_cheapest("cpu-fault-4k-thread-bound", bound_ns, &bound);
	printf("uffd-sigbus %.0f ns\nmprotect %.0f ns\nuffd-thread %.0f ns\n", bench_median(peers.sigbus, ROUNDS),
	       bench_median(peers.mprot, ROUNDS), bench_median(peers.thread, ROUNDS));
	ferry_close(by_signal.f);
	ferry_close(by_thread.f);
	return 0;
}
