/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Bad input: sizes, addresses, flags, ranges. What is refused is refused with its own error, and changes nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define KERNEL_TEXT 0xffffffff81000000ull
#define KERNEL_DIRECT_MAP 0xffff888000000000ull
#define NOT_CANONICAL 0x0000800000000000ull
#define BUF_BYTES 8192

static uint8_t buf[BUF_BYTES];

static void buf_set(uint32_t size)
{
	memset(buf, 0, sizeof(buf));
	memcpy(buf, &size, sizeof(size));
}

static int call_sized(int fd, unsigned request, uint32_t size, size_t bytes)
{
	buf_set(size);
	return dev_call(fd, request, buf, bytes);
}

static void sizes(void)
{
	int fd = dev_open();

	for (unsigned request = FERRY_REQ_VERSION; request <= FERRY_REQ_LOCKS; request++) {
		uint32_t size = (uint32_t)dev_request_size(request);
		int plain = call_sized(fd, request, size, size);

		CHECK(plain != FERRY_E_REQUEST_SIZE && plain != FERRY_E_REQUEST, "request %u of %u bytes: %s",
		      request, size, dev_error_name(plain));
		for (size_t bytes = 0; bytes < size; bytes++)
			CHECK(call_sized(fd, request, size, bytes) == FERRY_E_REQUEST_SIZE, "request %u in %zu bytes",
			      request, bytes);
		for (uint32_t less = 0; less < size; less++)
			CHECK(call_sized(fd, request, less, size) == FERRY_E_REQUEST_SIZE, "request %u says size %u",
			      request, less);
		CHECK(call_sized(fd, request, UINT32_MAX, size) == FERRY_E_REQUEST_SIZE, "request %u of 4 GiB",
		      request);
		CHECK(call_sized(fd, request, size + 64, size + 64) == plain, "request %u with a zero tail", request);
		for (uint32_t at = size; at < size + 64; at += 7) {
			buf_set(size + 64);
			buf[at] = 1;
			CHECK(dev_call(fd, request, buf, size + 64) == FERRY_E_REQUEST_SIZE,
			      "request %u with a byte it does not know", request);
		}
	}
}

static void too_long(void)
{
	static const uint64_t lengths[] = {FERRY_CALL_BYTES_MAX + 1ull, 1ull << 31, 1ull << 32, 1ull << 63,
	                                   UINT64_MAX};
	int fd = dev_open();

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ferry_call call = {.size = sizeof(call), .data = (uintptr_t)buf, .bytes = lengths[i]};

		buf_set(sizeof(struct ferry_req_version));
		CHECK(dev_call_raw(fd, FERRY_REQ_VERSION, &call) == -1 && errno == E2BIG, "%llu bytes",
		      (unsigned long long)lengths[i]);
		CHECK(call.error == FERRY_E_CALL_SIZE, "%s", dev_error_name((int)call.error));
	}
}

static void bad_addresses(void)
{
	uint8_t *hole = mmap(NULL, 2 * DEV_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t addresses[] = {0, 1, 8, KERNEL_TEXT, KERNEL_DIRECT_MAP, NOT_CANONICAL, UINT64_MAX, UINT64_MAX - 7,
	                        0};
	int fd = dev_open();

	CHECK(hole != MAP_FAILED, "mmap");
	addresses[8] = (uintptr_t)hole;
	for (unsigned request = FERRY_REQ_VERSION; request <= FERRY_REQ_LOCKS; request++)
		for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
			struct ferry_call call = {
				.size = sizeof(call), .data = addresses[i], .bytes = dev_request_size(request)};

			CHECK(dev_call_raw(fd, request, &call) == -1 && errno == EFAULT, "request %u at 0x%llx",
			      request, (unsigned long long)addresses[i]);
			CHECK(call.error == FERRY_E_CALL_ADDRESS, "%s", dev_error_name((int)call.error));
		}
}

static void bad_call_addresses(void)
{
	static const uint64_t addresses[] = {0, 8, KERNEL_TEXT, KERNEL_DIRECT_MAP, NOT_CANONICAL, UINT64_MAX};
	int fd = dev_open();

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		CHECK(ioctl(fd, FERRY_IOCTL(FERRY_REQ_VERSION), addresses[i]) == -1 && errno == EFAULT, "at 0x%llx",
		      (unsigned long long)addresses[i]);
}

/* The struct begins in a good page and ends in one that cannot be read. */
static void straddling(void)
{
	uint8_t *pages = mmap(NULL, 2 * DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = dev_open();

	CHECK(pages != MAP_FAILED && mprotect(pages + DEV_PAGE, DEV_PAGE, PROT_NONE) == 0, "mmap");
	for (unsigned request = FERRY_REQ_VERSION; request <= FERRY_REQ_LOCKS; request++) {
		uint32_t size = (uint32_t)dev_request_size(request);
		uint8_t *at = pages + DEV_PAGE - size + 1;

		memset(pages, 0, DEV_PAGE);
		memcpy(at, &size, sizeof(size));
		CHECK(dev_call(fd, request, at, size) == FERRY_E_CALL_ADDRESS, "request %u over the edge", request);
		CHECK(dev_call(fd, request, at - 1, size) != FERRY_E_CALL_ADDRESS, "request %u up to the edge",
		      request);
	}
}

/* The answer cannot be written: EFAULT, and the driver is none the worse. */
static void read_only_answer(void)
{
	struct ferry_req_version *version =
		mmap(NULL, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = dev_open();

	CHECK(version != MAP_FAILED, "mmap");
	*version = (struct ferry_req_version){.size = sizeof(*version), .max = UINT32_MAX};
	CHECK(mprotect(version, DEV_PAGE, PROT_READ) == 0, "mprotect");
	CHECK(dev_call(fd, FERRY_REQ_VERSION, version, sizeof(*version)) == FERRY_E_CALL_ADDRESS,
	      "a read-only answer");
	CHECK(version->max == UINT32_MAX, "it was written all the same");
}

/* The request itself lies in managed memory, which is on the device. */
static void request_in_managed_memory(void)
{
	int fd = dev_open(), error;
	uint8_t *p = dev_alloc(fd, DEV_BLOCK);
	struct ferry_call *call = (void *)(p + DEV_PAGE);
	struct ferry_req_migrate *migrate = (void *)p;

	for (int i = 0; i < 20; i++) {
		*migrate = (struct ferry_req_migrate){
			.size = sizeof(*migrate), .base = (uintptr_t)p, .bytes = DEV_BLOCK, .where = 0};
		*call = (struct ferry_call){
			.size = sizeof(*call), .data = (uintptr_t)migrate, .bytes = sizeof(*migrate)};
		error = dev_migrate(fd, p, DEV_BLOCK, 0);
		CHECK(error == 0, "to the device: %s", dev_error_name(error));
		CHECK(dev_call_raw(fd, FERRY_REQ_MIGRATE, call) == 0, "round %d: %s", i,
		      dev_error_name((int)call->error));
	}
}

/* ---- what is in the structs ---- */

static void refused(int fd, unsigned request, void *data, int want, const char *what)
{
	uint64_t managed = dev_counter(fd, FERRY_COUNTER_managed_bytes);
	int error = dev_call(fd, request, data, dev_request_size(request));

	CHECK(error == want, "%s: %s, not %s", what, dev_error_name(error), dev_error_name(want));
	CHECK(dev_counter(fd, FERRY_COUNTER_managed_bytes) == managed, "%s: managed memory changed", what);
}

static void range_fields(void)
{
	int fd = dev_open();
	uint64_t p = (uintptr_t)dev_map(fd, 2 * DEV_BLOCK);
	static const uint32_t size = sizeof(struct ferry_req_range);
	const struct {
		struct ferry_req_range range;
		int want;
		const char *what;
	} wrong[] = {
		{{size, 0, p, 0}, FERRY_E_RANGE_ZERO, "no bytes"},
		{{size, 2, p, DEV_BLOCK}, FERRY_E_REQUEST_FLAGS, "an unknown flag"},
		{{size, 0, p + 1, DEV_PAGE}, FERRY_E_RANGE_NOT_MAPPED, "an odd base, the last page beyond"},
		{{size, 0, p + DEV_PAGE, DEV_PAGE}, FERRY_E_RANGE_ALIGN, "a base between blocks"},
		{{size, 0, p, DEV_PAGE + 1}, FERRY_E_RANGE_ALIGN, "an odd length"},
		{{size, 0, p, 3 * DEV_BLOCK}, FERRY_E_RANGE_NOT_MAPPED, "longer than the mapping"},
		{{size, 0, 64 * DEV_BLOCK, DEV_BLOCK}, FERRY_E_RANGE_NOT_MAPPED, "an address that is not mapped"},
		{{size, 0, p, UINT64_MAX - p + 1}, FERRY_E_RANGE_OVERFLOW, "up to the end of all addresses"},
		{{size, 0, KERNEL_TEXT & ~(DEV_BLOCK - 1), DEV_BLOCK}, FERRY_E_RANGE_OVERFLOW, "the kernel"},
	};

	CHECK(p, "mmap");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ferry_req_range range = wrong[i].range;

		if (range.base & (DEV_PAGE - 1)) /* either answer is right: both are true */
			continue;
		refused(fd, FERRY_REQ_RANGE_CREATE, &range, wrong[i].want, wrong[i].what);
	}
	CHECK(dev_range_create(fd, (void *)p, DEV_BLOCK, 0) == 0, "a good range");
	CHECK(dev_range_create(fd, (void *)p, 2 * DEV_BLOCK, 0) == FERRY_E_RANGE_OVERLAP, "over a range");
	CHECK(dev_range_destroy(fd, (uint8_t *)p + DEV_PAGE) == FERRY_E_RANGE_NOT_START, "destroyed in the middle");
	CHECK(dev_range_destroy(fd, (uint8_t *)p + DEV_BLOCK) == FERRY_E_RANGE_NOT_FOUND, "destroyed beside it");
	CHECK(dev_range_destroy(fd, (void *)p) == 0, "destroyed");
}

static void migrate_fields(void)
{
	int fd = dev_open();
	uint64_t p = (uintptr_t)dev_alloc(fd, DEV_BLOCK);
	static const uint32_t size = sizeof(struct ferry_req_migrate);
	const struct {
		struct ferry_req_migrate migrate;
		int want;
		const char *what;
	} wrong[] = {
		{{size, 4, p, DEV_PAGE, 0, 0, 0}, FERRY_E_REQUEST_FLAGS, "an unknown flag"},
		{{size, 0, p, DEV_PAGE, 0, 1, 0}, FERRY_E_REQUEST_FLAGS, "a reserved field"},
		{{size, 0, p, 0, 0, 0, 0}, FERRY_E_RANGE_ZERO, "no bytes"},
		{{size, 0, p + 1, DEV_PAGE, 0, 0, 0}, FERRY_E_RANGE_ALIGN, "an odd base"},
		{{size, 0, p, DEV_BLOCK + DEV_PAGE, 0, 0, 0}, FERRY_E_RANGE_NOT_FOUND, "past the end"},
		{{size, 0, p, UINT64_MAX & ~(DEV_PAGE - 1), 0, 0, 0}, FERRY_E_RANGE_OVERFLOW, "too long"},
		{{size, 0, p, DEV_PAGE, 99, 0, 0}, FERRY_E_DEVICE_ID, "to a device that is not there"},
		{{size, 0, p, DEV_PAGE, FERRY_WHERE_NONE, 0, 0}, FERRY_E_DEVICE_ID, "to nowhere"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ferry_req_migrate migrate = wrong[i].migrate;

		refused(fd, FERRY_REQ_MIGRATE, &migrate, wrong[i].want, wrong[i].what);
	}
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"sizes are checked, a zero tail is taken", sizes, 60},
		{"a request that is too long is refused", too_long, 0},
		{"addresses that are not the caller's are EFAULT", bad_addresses, 0},
		{"so are those of the call itself", bad_call_addresses, 0},
		{"a struct over the edge of its page is EFAULT", straddling, 0},
		{"an answer that cannot be written is EFAULT", read_only_answer, 0},
		{"a request may lie in memory that is on the device", request_in_managed_memory, 0},
		{"wrong ranges are refused one by one", range_fields, 0},
		{"wrong migrations are refused one by one", migrate_fields, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
