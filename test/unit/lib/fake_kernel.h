/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fake_kernel.h - a /dev/ferryN that does what a test tells it. The node is a sparse memory file, so mappings of it
 * are real ones, with their address for offset; the clock moves only when somebody sleeps or waits.
 */
#ifndef FERRY_TEST_FAKE_KERNEL_H
#define FERRY_TEST_FAKE_KERNEL_H

#include "test/unit/cmocka_compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ferry/uapi/ferry_ioctl.h"
#include "lib/kernel.h"

#define FAKE_FAILS 4u

/* The next `times` calls of a request end so. */
struct fake_fail {
	uint32_t request, times;
	int number;
	uint32_t error;
};

static struct fake {
	uint64_t now_ns;
	uint32_t sleeps, opens, closes, ioctls;
	uint64_t longest_sleep_ns;
	char node[64]; /* opened last */
	int open_flags, open_number;
	uint32_t open_fails;
	struct fake_fail fails[FAKE_FAILS];
	unsigned long ioctl_request; /* of the last */
	uint32_t version_min, version_max;
	bool version_lies;  /* agrees to what was not offered */
	bool ioctl_unknown; /* another driver's device */
	struct ferry_req_device_info info;
	uint32_t infos;
	uint64_t wait_ends_ns; /* when the launch is over */
	uint32_t waits;
	uint64_t longest_wait_ns;
	uint32_t mmap_fails; /* of the node */
	int mmap_number;
	uint64_t place; /* where the next search finds room; 0: the system says */
	int64_t mapped_bytes;
	bool no_proc;
	int prot;
} fake;

static void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.now_ns = 1000;
	fake.version_min = 1;
	fake.version_max = 9;
	fake.info = (struct ferry_req_device_info){
		.vram_bytes = 64ull << 20, .sms = 3, .devices = 2, .capabilities = 1u << FERRY_CAPABILITY_FAULTS};
}

static int fake_open(const char *path, int flags)
{
	int fd;

	fake.opens++;
	fake.open_flags = flags;
	(void)snprintf(fake.node, sizeof(fake.node), "%s", path);
	if (fake.open_number && (!fake.open_fails || fake.opens <= fake.open_fails)) {
		errno = fake.open_number;
		return -1;
	}
	fd = memfd_create("fake", MFD_CLOEXEC);
	assert_true(fd >= 0 && !ftruncate(fd, (off_t)1 << 47));
	return fd;
}

static int fake_close(int fd)
{
	fake.closes++;
	return close(fd);
}

static int fake_version(struct ferry_req_version *v, struct ferry_call *call)
{
	if (fake.ioctl_unknown) {
		errno = ENOTTY;
		return -1;
	}
	if (v->min > fake.version_max || v->max < fake.version_min) {
		call->error = FERRY_E_VERSION;
		errno = EOPNOTSUPP;
		return -1;
	}
	if (fake.version_lies || fake.version_max < v->max)
		v->max = fake.version_max;
	return 0;
}

static int fake_wait(struct ferry_req_wait *w, struct ferry_call *call)
{
	uint64_t left = fake.wait_ends_ns > fake.now_ns ? fake.wait_ends_ns - fake.now_ns : 0;

	fake.waits++;
	if (w->timeout_ns > fake.longest_wait_ns)
		fake.longest_wait_ns = w->timeout_ns;
	fake.now_ns += left < w->timeout_ns ? left : w->timeout_ns;
	if (left <= w->timeout_ns) {
		w->insns = 77;
		return 0;
	}
	call->error = FERRY_E_TIMEOUT;
	errno = ETIMEDOUT;
	return -1;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct ferry_call *call = arg;
	void *data = (void *)(uintptr_t)call->data;

	(void)fd;
	assert_uint_equal(call->size, sizeof(*call));
	fake.ioctls++;
	fake.ioctl_request = request;
	for (uint32_t i = 0; i < FAKE_FAILS; i++) {
		struct fake_fail *f = &fake.fails[i];

		if (!f->times || request != FERRY_IOCTL(f->request))
			continue;
		f->times--;
		call->error = f->error;
		errno = f->number;
		return f->number ? -1 : 0;
	}
	if (request == FERRY_IOCTL(FERRY_REQ_VERSION))
		return fake_version(data, call);
	if (request == FERRY_IOCTL(FERRY_REQ_WAIT))
		return fake_wait(data, call);
	if (request == FERRY_IOCTL(FERRY_REQ_DEVICE_INFO)) {
		fake.infos++;
		*(struct ferry_req_device_info *)data = fake.info;
	}
	return 0;
}

static void *fake_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	void *p;

	if (fd >= 0 && fake.mmap_fails) {
		fake.mmap_fails--;
		errno = fake.mmap_number;
		return MAP_FAILED;
	}
	if (fd < 0 && fake.place) {
		addr = (void *)(uintptr_t)fake.place;
		flags |= MAP_FIXED_NOREPLACE;
		fake.place = 0;
	}
	p = mmap(addr, bytes, prot, flags, fd, offset);
	if (p != MAP_FAILED)
		fake.mapped_bytes += (int64_t)bytes;
	return p;
}

static int fake_munmap(void *addr, size_t bytes)
{
	fake.mapped_bytes -= (int64_t)bytes;
	return munmap(addr, bytes);
}

static int fake_mprotect(void *addr, size_t bytes, int prot)
{
	fake.prot = prot;
	return mprotect(addr, bytes, prot);
}

static int fake_own_mappings(uint64_t from, uint64_t to, void (*fn)(void *arg, uint64_t start, uint64_t end),
                             void *arg)
{
	return fake.no_proc ? -1 : ferry_kernel_sys_linux.own_mappings(from, to, fn, arg);
}

static uint64_t fake_now_ns(void)
{
	return fake.now_ns;
}

static void fake_sleep_ns(uint64_t ns)
{
	fake.sleeps++;
	fake.now_ns += ns;
	if (ns > fake.longest_sleep_ns)
		fake.longest_sleep_ns = ns;
}

static const struct ferry_kernel_sys fake_sys = {
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.mmap = fake_mmap,
	.munmap = fake_munmap,
	.mprotect = fake_mprotect,
	.madvise = madvise,
	.own_mappings = fake_own_mappings,
	.now_ns = fake_now_ns,
	.sleep_ns = fake_sleep_ns,
};

#endif /* FERRY_TEST_FAKE_KERNEL_H */
