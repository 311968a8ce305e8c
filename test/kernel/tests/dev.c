/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "dev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>

#include "ktap.h"

#define RUN_TIMEOUT_NS 10000000000ull

int dev_open(void)
{
	struct ferry_req_version version = {
		.size = sizeof(version), .min = FERRY_UAPI_VERSION_MIN, .max = FERRY_UAPI_VERSION};
	int fd = open(DEV_PATH, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0, "open %s", DEV_PATH);
	CHECK(dev_call(fd, FERRY_REQ_VERSION, &version, sizeof(version)) == 0, "no common version");
	return fd;
}

int dev_call_raw(int fd, unsigned request, struct ferry_call *call)
{
	return ioctl(fd, FERRY_IOCTL(request), call);
}

int dev_call(int fd, unsigned request, void *data, size_t bytes)
{
	struct ferry_call call = {.size = sizeof(call), .error = 0xdead, .data = (uintptr_t)data, .bytes = bytes};
	int ret = dev_call_raw(fd, request, &call);
	int saved = errno;

	CHECK(ret == 0 || ret == -1, "request %u: the ioctl returned %d", request, ret);
	CHECK((ret == 0) == (call.error == 0), "request %u: returned %d with error %u", request, ret, call.error);
	CHECK(call.error < FERRY_ERROR_COUNT, "request %u: no such error: %u", request, call.error);
	CHECK(ret == 0 || saved == dev_error_errno((int)call.error), "request %u: errno %d with error %u (%s)",
	      request, saved, call.error, dev_error_name((int)call.error));
	errno = saved;
	return (int)call.error;
}

size_t dev_request_size(unsigned request)
{
	static const size_t sizes[] = {
		[FERRY_REQ_VERSION] = sizeof(struct ferry_req_version),
		[FERRY_REQ_DEVICE_INFO] = sizeof(struct ferry_req_device_info),
		[FERRY_REQ_RANGE_CREATE] = sizeof(struct ferry_req_range),
		[FERRY_REQ_RANGE_DESTROY] = sizeof(struct ferry_req_range),
		[FERRY_REQ_MIGRATE] = sizeof(struct ferry_req_migrate),
		[FERRY_REQ_ADVISE] = sizeof(struct ferry_req_advise),
		[FERRY_REQ_PROTECT] = sizeof(struct ferry_req_protect),
		[FERRY_REQ_PROGRAM_LOAD] = sizeof(struct ferry_req_program_load),
		[FERRY_REQ_PROGRAM_UNLOAD] = sizeof(struct ferry_req_program_unload),
		[FERRY_REQ_LAUNCH] = sizeof(struct ferry_req_launch),
		[FERRY_REQ_WAIT] = sizeof(struct ferry_req_wait),
		[FERRY_REQ_CAPABILITY] = sizeof(struct ferry_req_capability),
		[FERRY_REQ_COUNTERS] = sizeof(struct ferry_req_counters),
		[FERRY_REQ_RESIDENCY] = sizeof(struct ferry_req_residency),
		[FERRY_REQ_REGISTER] = sizeof(struct ferry_req_register),
		[FERRY_REQ_UNREGISTER] = sizeof(struct ferry_req_register),
		[FERRY_REQ_LOCKS] = sizeof(struct ferry_req_locks),
	};

	return request < sizeof(sizes) / sizeof(sizes[0]) ? sizes[request] : 0;
}

const char *dev_error_name(int error)
{
	static const char *const names[] = {"OK",
#define x(name, errno_parent, sentence) #name,
	                                    FERRY_ERRORS(x)
#undef x
	};

	return error >= 0 && error < FERRY_ERROR_COUNT ? names[error] : "?";
}

int dev_error_errno(int error)
{
	static const int errnos[] = {0,
#define x(name, errno_parent, sentence) errno_parent,
	                             FERRY_ERRORS(x)
#undef x
	};

	return error >= 0 && error < FERRY_ERROR_COUNT ? errnos[error] : -1;
}

/* ---- memory ---- */

void *dev_reserve(size_t bytes)
{
	uint8_t *wide = mmap(NULL, bytes + DEV_BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t at;

	CHECK(wide != MAP_FAILED, "no %zu bytes of address space", bytes);
	at = ((uintptr_t)wide + DEV_BLOCK - 1) & ~(DEV_BLOCK - 1);
	if (at > (uintptr_t)wide)
		munmap(wide, at - (uintptr_t)wide);
	munmap((void *)(at + bytes), (uintptr_t)wide + DEV_BLOCK - at);
	return (void *)at;
}

void *dev_map(int fd, size_t bytes)
{
	void *at = dev_reserve(bytes);
	void *p = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)(uintptr_t)at);

	return p == MAP_FAILED ? NULL : p;
}

int dev_range_create(int fd, const void *at, size_t bytes, uint32_t flags)
{
	struct ferry_req_range range = {.size = sizeof(range), .flags = flags, .base = (uintptr_t)at, .bytes = bytes};

	return dev_call(fd, FERRY_REQ_RANGE_CREATE, &range, sizeof(range));
}

int dev_range_destroy(int fd, const void *at)
{
	struct ferry_req_range range = {.size = sizeof(range), .base = (uintptr_t)at};

	return dev_call(fd, FERRY_REQ_RANGE_DESTROY, &range, sizeof(range));
}

void *dev_alloc(int fd, size_t bytes)
{
	void *p = dev_map(fd, bytes);
	int error;

	CHECK(p, "mmap of %zu bytes", bytes);
	error = dev_range_create(fd, p, bytes, 0);
	CHECK(error == 0, "range of %zu bytes: %s", bytes, dev_error_name(error));
	return p;
}

int dev_advise(int fd, const void *at, size_t bytes, uint32_t advice, uint32_t where)
{
	struct ferry_req_advise req = {
		.size = sizeof(req), .advice = advice, .base = (uintptr_t)at, .bytes = bytes, .where = where};

	return dev_call(fd, FERRY_REQ_ADVISE, &req, sizeof(req));
}

int dev_migrate(int fd, const void *at, size_t bytes, uint32_t where)
{
	struct ferry_req_migrate migrate = {
		.size = sizeof(migrate), .base = (uintptr_t)at, .bytes = bytes, .where = where};

	return dev_call(fd, FERRY_REQ_MIGRATE, &migrate, sizeof(migrate));
}

void dev_to_device(int fd, const void *at, size_t bytes)
{
	int error = dev_migrate(fd, at, bytes, 0);

	CHECK(error == 0, "to the device: %s", dev_error_name(error));
	for (size_t i = 0; i < bytes; i += DEV_PAGE) {
		unsigned where = dev_where(fd, (const uint8_t *)at + i);

		CHECK(where == DEV_ON_DEVICE, "page %zu is at %u after a migration to the device", i / DEV_PAGE,
		      where);
	}
}

unsigned dev_where(int fd, const void *at)
{
	struct ferry_req_residency residency = {.size = sizeof(residency), .pages = 1, .base = (uintptr_t)at};
	int error = dev_call(fd, FERRY_REQ_RESIDENCY, &residency, sizeof(residency));

	CHECK(error == 0, "residency: %s", dev_error_name(error));
	return residency.where[0];
}

uint64_t dev_counter(int fd, enum ferry_counter counter)
{
	struct ferry_req_counters counters = {.size = sizeof(counters), .count = 64};
	int error = dev_call(fd, FERRY_REQ_COUNTERS, &counters, sizeof(counters));

	CHECK(error == 0, "counters: %s", dev_error_name(error));
	return counters.value[counter];
}

uint64_t dev_pattern_word(size_t index, uint64_t seed)
{
	return (index + 1) * 0x9e3779b97f4a7c15ull ^ seed;
}

void dev_pattern_write(void *at, size_t bytes, uint64_t seed)
{
	uint64_t *word = at;

	for (size_t i = 0; i < bytes / 8; i++)
		word[i] = dev_pattern_word(i, seed);
}

long dev_pattern_check(const void *at, size_t bytes, uint64_t seed)
{
	const uint64_t *word = at;

	for (size_t i = 0; i < bytes / 8; i++)
		if (word[i] != dev_pattern_word(i, seed))
			return (long)i;
	return -1;
}

int dev_register(int fd, const void *at, size_t bytes, uint32_t flags)
{
	struct ferry_req_register req = {.size = sizeof(req), .flags = flags, .base = (uintptr_t)at, .bytes = bytes};

	return dev_call(fd, FERRY_REQ_REGISTER, &req, sizeof(req));
}

int dev_unregister(int fd, const void *at)
{
	struct ferry_req_register req = {.size = sizeof(req), .base = (uintptr_t)at};

	return dev_call(fd, FERRY_REQ_UNREGISTER, &req, sizeof(req));
}

/* ---- programs ---- */

/* One instruction of RFC 9669, as a word in memory: opcode, registers, offset, immediate. */
#define INSN(opcode, dst, src, offset, imm)                                                                          \
	((uint64_t)(opcode) | (uint64_t)((dst) | (src) << 4) << 8 | (uint64_t)(uint16_t)(offset) << 16 |             \
	 (uint64_t)(uint32_t)(imm) << 32)
#define ADD_IMM(dst, imm) INSN(0x07, dst, 0, 0, imm)
#define ADD_REG(dst, src) INSN(0x0f, dst, src, 0, 0)
#define STORE64(dst, src) INSN(0x7b, dst, src, 0, 0)
#define LOAD64(dst, src) INSN(0x79, dst, src, 0, 0)
#define MOVE_IMM(dst, imm) INSN(0xb7, dst, 0, 0, imm)
#define JUMP(offset) INSN(0x05, 0, 0, offset, 0)
#define JUMP_IF_ZERO(dst, offset) INSN(0x15, dst, 0, offset, 0)
#define EXIT INSN(0x95, 0, 0, 0, 0)

static const uint64_t spin[] = {JUMP(-1), EXIT};
static const uint64_t fill[] = {JUMP_IF_ZERO(2, 4), STORE64(1, 3), ADD_IMM(1, 8), ADD_IMM(2, -1), JUMP(-5), EXIT};
static const uint64_t add[] = {JUMP_IF_ZERO(2, 6), LOAD64(4, 1),   ADD_REG(4, 3), STORE64(1, 4),
                               ADD_IMM(1, 8),      ADD_IMM(2, -1), JUMP(-7),      EXIT};
static const uint64_t sum[] = {MOVE_IMM(5, 0), JUMP_IF_ZERO(2, 5), LOAD64(4, 1),  ADD_REG(5, 4), ADD_IMM(1, DEV_PAGE),
                               ADD_IMM(2, -1), JUMP(-6),           STORE64(3, 5), EXIT};

static const struct {
	const uint64_t *insns;
	uint32_t insn_count, arg_count;
} programs[] = {
	[DEV_PROGRAM_SPIN] = {spin, sizeof(spin) / 8, 0},
	[DEV_PROGRAM_FILL] = {fill, sizeof(fill) / 8, 3},
	[DEV_PROGRAM_ADD] = {add, sizeof(add) / 8, 3},
	[DEV_PROGRAM_SUM] = {sum, sizeof(sum) / 8, 3},
};

/* The error, and where. */
static int program_load(int fd, enum dev_program program, uint32_t *loaded, uint32_t *at)
{
	struct {
		struct ferry_req_program_load load;
		uint64_t insns[16];
	} req = {.load = {.size = sizeof(req.load),
	                  .insn_count = programs[program].insn_count,
	                  .arg_count = programs[program].arg_count}};
	size_t bytes = programs[program].insn_count * sizeof(uint64_t);
	int error;

	memcpy(req.insns, programs[program].insns, bytes);
	error = dev_call(fd, FERRY_REQ_PROGRAM_LOAD, &req, offsetof(typeof(req), insns) + bytes);
	*loaded = req.load.program;
	*at = req.load.at;
	return error;
}

uint32_t dev_program_load(int fd, enum dev_program program)
{
	uint32_t loaded, at;
	int error = program_load(fd, program, &loaded, &at);

	CHECK(error == 0, "program %d: %s at instruction %u", program, dev_error_name(error), at);
	return loaded;
}

int dev_launch(int fd, uint32_t program, const uint64_t *args, uint32_t arg_count, uint64_t *launch)
{
	struct ferry_req_launch req = {.size = sizeof(req),
	                               .program = program,
	                               .grid = {1, 1, 1},
	                               .block = {1, 1, 1},
	                               .arg_count = arg_count};
	int error;

	if (arg_count)
		memcpy(req.args, args, arg_count * sizeof(args[0]));
	error = dev_call(fd, FERRY_REQ_LAUNCH, &req, sizeof(req));
	if (!error)
		*launch = req.launch;
	return error;
}

int dev_wait(int fd, uint64_t launch, uint64_t timeout_ns)
{
	struct ferry_req_wait req = {.size = sizeof(req), .launch = launch, .timeout_ns = timeout_ns};

	return dev_call(fd, FERRY_REQ_WAIT, &req, sizeof(req));
}

int dev_run(int fd, enum dev_program program, const void *at, uint64_t count, uint64_t value)
{
	uint64_t args[] = {(uintptr_t)at, count, value}, launch = 0;
	struct ferry_req_program_unload unload = {.size = sizeof(unload)};
	uint32_t refused_at;
	int error = program_load(fd, program, &unload.program, &refused_at);

	if (error)
		return error;
	error = dev_launch(fd, unload.program, args, programs[program].arg_count, &launch);
	if (!error)
		error = dev_wait(fd, launch, RUN_TIMEOUT_NS);
	dev_call(fd, FERRY_REQ_PROGRAM_UNLOAD, &unload, sizeof(unload));
	return error;
}
