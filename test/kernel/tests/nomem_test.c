/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Each allocation of a story fails once: the first, then the second, until the story is over before the n-th. A
 * failure is one clean error and nothing else; after it the same story goes well.
 *
 *     the driver's own sites     /sys/kernel/debug/ferry/fail_nth, on every kernel
 *     all that the kernel does   /proc/self/fail-nth, with CONFIG_FAULT_INJECTION
 *
 * --first N begins there; --step N looks at every N-th, beginning at one that --seed chooses.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"

#define OWN "/sys/kernel/debug/ferry/fail_nth"
#define KERNEL "/proc/thread-self/fail-nth"
#define NTH_MAX 20000u
#define BYTES DEV_BLOCK
#define PIECE (4 * DEV_PAGE)
#define WAIT_NS 10000000000ull

/* ---- the story: what a process does with the device, up to the first thing that does not work ---- */

struct story {
	const char *at; /* the step that failed */
	int fd, error;  /* an errno; -signal */
	int code;       /* the driver's own, 0: it had no time to say */
	uint8_t *p, *own;
	uint32_t program;
	bool no_fork; /* the kernel prints a warning when it has no stack for a child */
};

/* True when it went well. Not dev_call(): here the answer itself may be what cannot be written. */
static bool call(struct story *s, unsigned request, void *data, size_t bytes)
{
	struct ferry_call call = {.size = sizeof(call), .error = 0, .data = (uintptr_t)data, .bytes = bytes};

	if (dev_call_raw(s->fd, request, &call) == 0) {
		CHECK(call.error == 0, "%s: no errno with error %u", s->at, call.error);
		return true;
	}
	s->error = errno;
	s->code = (int)call.error;
	CHECK(!call.error || dev_error_errno((int)call.error) == s->error, "%s: errno %d with error %u (%s)", s->at,
	      s->error, call.error, dev_error_name((int)call.error));
	return false;
}

static bool touch(struct story *s, void *at)
{
	int signal = ktap_touch(at, true);

	s->error = -signal;
	return !signal;
}

static bool begin(struct story *s)
{
	struct ferry_req_version version = {
		.size = sizeof(version), .min = FERRY_UAPI_VERSION_MIN, .max = FERRY_UAPI_VERSION};
	struct ferry_req_range range = {.size = sizeof(range), .base = (uintptr_t)s->p, .bytes = BYTES};

	s->at = "open";
	s->fd = open(DEV_PATH, O_RDWR | O_CLOEXEC);
	s->error = errno;
	if (s->fd < 0)
		return false;
	s->at = "version";
	if (!call(s, FERRY_REQ_VERSION, &version, sizeof(version)))
		return false;
	s->at = "mmap";
	if (mmap(s->p, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, s->fd, (off_t)(uintptr_t)s->p) ==
	    MAP_FAILED) {
		s->error = errno;
		return false;
	}
	s->at = "range";
	return call(s, FERRY_REQ_RANGE_CREATE, &range, sizeof(range));
}

static bool load(struct story *s)
{
	/* if (r2) *r1 = r3; RFC 9669 */
	struct {
		struct ferry_req_program_load load;
		uint64_t insns[3];
	} req = {.load = {.size = sizeof(req.load), .insn_count = 3, .arg_count = 3},
	         .insns = {0x0000000000010215ull, 0x000000000000317bull, 0x0000000000000095ull}};

	s->at = "load";
	if (!call(s, FERRY_REQ_PROGRAM_LOAD, &req, sizeof(req)))
		return false;
	s->program = req.load.program;
	return true;
}

static bool run(struct story *s, void *at)
{
	struct ferry_req_launch launch = {.size = sizeof(launch),
	                                  .program = s->program,
	                                  .grid = {1, 1, 1},
	                                  .block = {1, 1, 1},
	                                  .arg_count = 3,
	                                  .args = {(uintptr_t)at, 1, 77}};
	struct ferry_req_wait wait = {.size = sizeof(wait), .timeout_ns = WAIT_NS};

	s->at = "launch";
	if (!call(s, FERRY_REQ_LAUNCH, &launch, sizeof(launch)))
		return false;
	wait.launch = launch.launch;
	s->at = "wait";
	if (!call(s, FERRY_REQ_WAIT, &wait, sizeof(wait)))
		return false;
	s->at = "result";
	if (!touch(s, at))
		return false;
	CHECK(*(uint64_t *)at == 77, "the result is %llu", (unsigned long long)*(uint64_t *)at);
	return true;
}

static bool move(struct story *s, uint32_t where)
{
	struct ferry_req_migrate migrate = {
		.size = sizeof(migrate), .base = (uintptr_t)s->p, .bytes = PIECE, .where = where};

	s->at = where == FERRY_WHERE_HOST ? "home" : "migrate";
	return call(s, FERRY_REQ_MIGRATE, &migrate, sizeof(migrate));
}

static bool lend(struct story *s)
{
	struct ferry_req_register piece = {.size = sizeof(piece), .base = (uintptr_t)s->own, .bytes = PIECE};

	s->at = "register";
	if (!call(s, FERRY_REQ_REGISTER, &piece, sizeof(piece)) || !run(s, s->own))
		return false;
	piece.bytes = 0;
	s->at = "unregister";
	return call(s, FERRY_REQ_UNREGISTER, &piece, sizeof(piece));
}

static bool have_child(struct story *s)
{
	pid_t pid;

	if (s->no_fork)
		return true;
	s->at = "fork";
	pid = fork();
	if (pid == 0)
		_exit(0);
	s->error = errno;
	if (pid > 0)
		ktap_wait_good(pid, 10000);
	return pid > 0;
}

static bool protect(struct story *s)
{
	s->at = "mprotect";
	s->error = 0;
	if (mprotect(s->p, PIECE, PROT_READ) || mprotect(s->p, PIECE, PROT_READ | PROT_WRITE))
		s->error = errno;
	return !s->error;
}

static bool finish(struct story *s)
{
	struct ferry_req_program_unload unload = {.size = sizeof(unload), .program = s->program};
	struct ferry_req_range range = {.size = sizeof(range), .base = (uintptr_t)s->p};

	s->at = "unload";
	if (!call(s, FERRY_REQ_PROGRAM_UNLOAD, &unload, sizeof(unload)))
		return false;
	s->at = "destroy";
	return call(s, FERRY_REQ_RANGE_DESTROY, &range, sizeof(range));
}

/* Ended in any case: everything that was begun is closed and unmapped. */
static void story_tell(struct story *s)
{
	uint8_t *p = s->p;

	s->error = 0;
	s->code = 0;
	s->fd = -1;
	if (begin(s) && (s->at = "touch", touch(s, p)) && load(s) && run(s, p) && move(s, 0) && protect(s) &&
	    run(s, p + 64 * DEV_PAGE) && move(s, FERRY_WHERE_HOST) && lend(s) && have_child(s) && finish(s))
		s->at = NULL;
	if (s->fd >= 0)
		close(s->fd);
}

static struct story story_new(void)
{
	struct story s = {.p = dev_reserve(BYTES)};

	s.own = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(s.own != MAP_FAILED, "mmap");
	memset(s.own, 1, PIECE);
	return s;
}

/* Back to address space without anything in it. */
static void story_reset(struct story *s)
{
	CHECK(mmap(s->p, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == s->p,
	      "mmap");
	memset(s->own, 1, PIECE);
}

static void story_goes_well(struct story *s, unsigned nth)
{
	story_tell(s);
	CHECK(!s->at, "after failure %u: %s failed with %d (%s)", nth, s->at, s->error, dev_error_name(s->code));
	story_reset(s);
}

/* ---- what fails ---- */

/* The file's own copies from and to us are sites as well. */
static void nth_set(int control, unsigned nth, const char *who)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u%s", nth, who), tries = 3;

	while (write(control, text, (size_t)n) != n)
		CHECK(errno == EFAULT && --tries, "write \"%s\"", text);
}

/* Switched off. True when it had not failed: there is no n-th. */
static bool nth_is_left(int control)
{
	char text[32] = "";
	bool left = pread(control, text, sizeof(text) - 1, 0) <= 0 || strtoul(text, NULL, 10) != 0;

	nth_set(control, 0, "");
	return left;
}

/* What an allocation that failed may look like. */
static bool error_is_clean(int error)
{
	return error == ENOMEM || error == EAGAIN || error == EFAULT || error == ENOSPC || error == -SIGBUS;
}

static void sweep(const char *path, const char *who, bool no_fork)
{
	unsigned step = (unsigned)ktap_option("step", 1), nth = (unsigned)ktap_option("first", 1), shown = 0;
	int control = open(path, O_RDWR | O_CLOEXEC);
	struct story s = story_new();
	const char *last = NULL;

	s.no_fork = no_fork;
	CHECK(control >= 0, "open %s", path);
	nth += (unsigned)ktap_random_below(step);
	story_goes_well(&s, 0);
	for (;; nth += step) {
		CHECK(nth < NTH_MAX, "no end");
		nth_set(control, nth, who);
		story_tell(&s);
		if (nth_is_left(control)) {
			CHECK(!s.at, "%s failed with %d when nothing else did", s.at, s.error);
			break;
		}
		CHECK(!s.at || error_is_clean(s.error), "failure %u: %s failed with %d (%s)", nth, s.at, s.error,
		      dev_error_name(s.code));
		shown += !!s.at;
		last = s.at;
		story_reset(&s);
		story_goes_well(&s, nth);
	}
	printf("# %u allocations, %u failures were seen\n", nth - 1, shown);
	fflush(stdout);
	CHECK(nth > 10 && shown > 0, "%u sites only; the last: %s", nth - 1, last ? last : "none");
}

static void own_sites(void)
{
	sweep(OWN, "", false);
}

/* Also those of the servicer and the workers. */
static void own_sites_of_all(void)
{
	sweep(OWN, " all", false);
}

static void kernel_sites(void)
{
	static const char *const attributes[] = {
		"/sys/kernel/debug/failslab", "/sys/kernel/debug/fail_page_alloc", "/sys/kernel/debug/fail_usercopy",
		"/sys/kernel/debug/ferry/fail_ferry", "/sys/kernel/debug/ferry/fail_ferry_point"};
	char path[128];

	if (access(KERNEL, F_OK))
		ktap_skip("this kernel has no fault injection");
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		snprintf(path, sizeof(path), "%s/verbose", attributes[i]);
		CHECK(mod_write(path, "0") > 0, "%s", path);
		/* Allocations that may wait are let through otherwise. Not every attribute has these. */
		snprintf(path, sizeof(path), "%s/ignore-gfp-wait", attributes[i]);
		(void)mod_write(path, "N");
		snprintf(path, sizeof(path), "%s/ignore-gfp-highmem", attributes[i]);
		(void)mod_write(path, "N");
		snprintf(path, sizeof(path), "%s/min-order", attributes[i]);
		(void)mod_write(path, "0");
	}
	sweep(KERNEL, "", true);
}

/* --kernel 1: the kernel was built with fault injection, so its sites are walked, too. plan.py knows which was. */
int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"each allocation of a request fails once", own_sites, 120},
		{"each allocation of the driver fails once", own_sites_of_all, 120},
	};
	static const struct ktap_case kernel_cases[] = {
		{"each allocation of a request fails once", own_sites, 120},
		{"each allocation of the driver fails once", own_sites_of_all, 120},
		{"each allocation of the kernel fails once", kernel_sites, 1500},
	};

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--kernel"))
			return KTAP_MAIN(argc, argv, kernel_cases);
	}
	return KTAP_MAIN(argc, argv, cases);
}
