/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which requests there are: the version is negotiated, what is unknown is refused as unknown.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

static int negotiate(int fd, uint32_t min, uint32_t max, struct ferry_req_version *out)
{
	*out = (struct ferry_req_version){.size = sizeof(*out), .min = min, .max = max};
	return dev_call(fd, FERRY_REQ_VERSION, out, sizeof(*out));
}

static void expect_common(uint32_t min, uint32_t max, uint32_t want_min, uint32_t want_max)
{
	struct ferry_req_version version;
	int fd = dev_open(), error = negotiate(fd, min, max, &version);

	CHECK(error == 0, "%u..%u: %s", min, max, dev_error_name(error));
	CHECK(version.min == want_min && version.max == want_max, "%u..%u gave %u..%u", min, max, version.min,
	      version.max);
}

static void same_version(void)
{
	expect_common(FERRY_UAPI_VERSION_MIN, FERRY_UAPI_VERSION, FERRY_UAPI_VERSION_MIN, FERRY_UAPI_VERSION);
}

static void older_library(void)
{
	expect_common(0, FERRY_UAPI_VERSION_MIN, FERRY_UAPI_VERSION_MIN, FERRY_UAPI_VERSION_MIN);
}

static void newer_library(void)
{
	expect_common(FERRY_UAPI_VERSION, UINT32_MAX, FERRY_UAPI_VERSION, FERRY_UAPI_VERSION);
}

static void disjoint_versions(void)
{
	static const uint32_t ranges[][2] = {{FERRY_UAPI_VERSION + 1, UINT32_MAX},
	                                     {0, FERRY_UAPI_VERSION_MIN - 1},
	                                     {FERRY_UAPI_VERSION, FERRY_UAPI_VERSION - 1}};
	struct ferry_req_version version;
	int fd = dev_open();

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int error = negotiate(fd, ranges[i][0], ranges[i][1], &version);

		CHECK(error == FERRY_E_VERSION && errno == EOPNOTSUPP, "%u..%u: %s", ranges[i][0], ranges[i][1],
		      dev_error_name(error));
		CHECK(version.min == ranges[i][0] && version.max == ranges[i][1], "the answer was written on error");
	}
}

static void unknown_requests(void)
{
	uint8_t nothing[256] = {0};
	int fd = dev_open();

	for (unsigned request = 0; request < 256; request++) {
		struct ferry_call call = {.size = sizeof(call), .data = (uintptr_t)nothing, .bytes = sizeof(nothing)};

		if (request >= FERRY_REQ_VERSION && request <= FERRY_REQ_LOCKS)
			continue;
		nothing[0] = sizeof(nothing) - 1;
		CHECK(dev_call_raw(fd, request, &call) == -1 && errno == ENOTTY, "request %u", request);
		CHECK(call.error == FERRY_E_REQUEST, "request %u: error %s", request,
		      dev_error_name((int)call.error));
	}
}

static void foreign_ioctls(void)
{
	struct ferry_req_version version = {.size = sizeof(version), .max = FERRY_UAPI_VERSION};
	struct ferry_call call = {.size = sizeof(call), .data = (uintptr_t)&version, .bytes = sizeof(version)};
	int fd = dev_open(), number;
	static const unsigned long others[] = {
		_IOWR('f', FERRY_REQ_VERSION, struct ferry_call), _IOWR(0, FERRY_REQ_VERSION, struct ferry_call),
		_IOR(FERRY_IOC_MAGIC, FERRY_REQ_VERSION, struct ferry_call),
		_IOW(FERRY_IOC_MAGIC, FERRY_REQ_VERSION, struct ferry_call), _IO(FERRY_IOC_MAGIC, FERRY_REQ_VERSION)};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(ioctl(fd, others[i], &call) == -1 && errno == ENOTTY, "ioctl 0x%lx", others[i]);
	CHECK(ioctl(fd, FIONREAD, &number) == -1 && errno == ENOTTY, "FIONREAD");
}

/* A newer library has a longer struct ferry_call: fine as long as it asks for nothing new. */
static void longer_call(void)
{
	struct ferry_req_version version = {.size = sizeof(version), .max = FERRY_UAPI_VERSION};
	struct {
		struct ferry_call call;
		uint64_t more[4];
	} longer = {.call = {.size = sizeof(longer), .data = (uintptr_t)&version, .bytes = sizeof(version)}};
	int fd = dev_open();

	CHECK(dev_call_raw(fd, FERRY_REQ_VERSION, &longer.call) == 0, "a longer call with a zero tail");
	longer.more[3] = 1;
	CHECK(dev_call_raw(fd, FERRY_REQ_VERSION, &longer.call) == -1 && errno == E2BIG, "with a tail that is not");
	longer.call.size = sizeof(longer.call) - 1;
	CHECK(dev_call_raw(fd, FERRY_REQ_VERSION, &longer.call) == -1 && errno == EINVAL, "a shorter call");
	longer.call.size = 0;
	CHECK(dev_call_raw(fd, FERRY_REQ_VERSION, &longer.call) == -1 && errno == EINVAL, "an empty call");
	longer.call.size = UINT32_MAX;
	CHECK(dev_call_raw(fd, FERRY_REQ_VERSION, &longer.call) == -1 && (errno == E2BIG || errno == EFAULT),
	      "a call of 4 GiB");
}

static void the_device_tells(void)
{
	struct ferry_req_device_info info = {.size = sizeof(info)};
	int fd = dev_open(), error = dev_call(fd, FERRY_REQ_DEVICE_INFO, &info, sizeof(info));

	CHECK(error == 0, "device info: %s", dev_error_name(error));
	CHECK(info.devices >= 1 && info.vram_bytes >= DEV_BLOCK && info.sms >= 1 && !info.lost && info.name[0],
	      "devices %u, vram %llu, sms %u, lost %u, name %.32s", info.devices, (unsigned long long)info.vram_bytes,
	      info.sms, info.lost, info.name);
	CHECK(info.capabilities & 1u << FERRY_CAPABILITY_SYSCALLS, "system calls may touch managed memory here");
	info = (struct ferry_req_device_info){.size = sizeof(info), .device = info.devices};
	CHECK(dev_call(fd, FERRY_REQ_DEVICE_INFO, &info, sizeof(info)) == FERRY_E_DEVICE_ID, "one device too many");
}

/* Every row of the lock order, by the request, and in the file of debugfs; nothing was seen that it forbids. */
static void the_locks_are_told(void)
{
	static char text[1 << 16];
	struct ferry_req_locks row = {.size = sizeof(row)};
	int fd = dev_open(), file = open("/sys/kernel/debug/ferry/locks", O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	uint32_t rows = 1;
	ssize_t n;
	void *p = dev_alloc(fd, DEV_BLOCK);

	dev_to_device(fd, p, DEV_PAGE);
	CHECK(file >= 0, "debugfs: errno %d", errno);
	while ((n = read(file, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)n;
	CHECK(n == 0 && strstr(text, "ferry0: 0 violations"), "errno %d: %.200s", errno, text);
	for (uint32_t i = 0; i < rows; i++) {
		row = (struct ferry_req_locks){.size = sizeof(row), .row = i};
		CHECK(dev_call(fd, FERRY_REQ_LOCKS, &row, sizeof(row)) == 0, "row %u", i);
		rows = row.rows + row.operations;
		CHECK(row.name[0] && strstr(text, row.name), "row %u, %.32s, is not in debugfs", i, row.name);
		CHECK(!row.seen_broken && !row.violations, "row %.32s: seen under 0x%llx, against the order",
		      row.name, (unsigned long long)row.seen_broken);
	}
	row.row = rows;
	CHECK(dev_call(fd, FERRY_REQ_LOCKS, &row, sizeof(row)) == FERRY_E_INVAL, "one row too many");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a library of the same version is served", same_version, 0},
		{"an older library is served", older_library, 0},
		{"a newer library is served with what both know", newer_library, 0},
		{"versions without a common one are refused", disjoint_versions, 0},
		{"unknown requests are ENOTTY", unknown_requests, 0},
		{"ioctls of others are ENOTTY", foreign_ioctls, 0},
		{"a longer call is taken when the rest is zero", longer_call, 0},
		{"the device says what it is", the_device_tells, 0},
		{"the driver tells of its locks", the_locks_are_told, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
