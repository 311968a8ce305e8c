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
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
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

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	static double signal_ns[ROUNDS], thread_ns[ROUNDS], sigbus[ROUNDS], thread[ROUNDS], mprot[ROUNDS];
	struct ours by_signal, by_thread;
	struct bench_row row = {.unit = "ns", .target = "peer<=1.5"};
	double peers[3];

	/* Before the library: its handler hands on what is not its own. */
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	memset(source, 7, sizeof(source));
	ours_open(&by_signal, FERRY_CPU_FAULTS_SIGNAL);
	ours_open(&by_thread, FERRY_CPU_FAULTS_THREAD);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		signal_ns[i] = ours_round(&by_signal);
		sigbus[i] = peer_sigbus();
		mprot[i] = peer_mprotect();
		thread_ns[i] = ours_round(&by_thread);
		thread[i] = peer_thread();
	}
	peers[0] = bench_median(sigbus, ROUNDS);
	peers[1] = bench_median(mprot, ROUNDS);
	peers[2] = bench_median(thread, ROUNDS);
	row.id = "cpu-fault-4k";
	row.ours = bench_median(signal_ns, ROUNDS);
	row.peer = peers[0] < peers[1] ? peers[0] : peers[1];
	row.peer_name = peers[0] < peers[1] ? "uffd-sigbus" : "mprotect";
	if (peers[2] < row.peer) {
		row.peer = peers[2];
		row.peer_name = "uffd-thread";
	}
	bench_print(&row);
	row.id = "cpu-fault-4k-thread";
	row.ours = bench_median(thread_ns, ROUNDS);
	row.peer = peers[2];
	row.peer_name = "uffd-thread";
	bench_print(&row);
	printf("uffd-sigbus %.0f ns\nmprotect %.0f ns\nuffd-thread %.0f ns\n", peers[0], peers[1], peers[2]);
	ferry_close(by_signal.f);
	ferry_close(by_thread.f);
	return 0;
}
