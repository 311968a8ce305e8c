/* SPDX-License-Identifier: MIT OR GPL-2.0-only WITH Linux-syscall-note */
/*
 * uapi/ferry.h - the requests of Ferry: numbers and structs. The process host takes them through
 * ferry_request() of the library, the kernel host as ioctls on /dev/ferryN (uapi/ferry_ioctl.h);
 * they are the same.
 *
 * Every struct begins with `size`, the sizeof the caller was built with. A larger one from a newer
 * library is taken when all bytes we do not know are zero; a smaller one from an older library is
 * read as if zero-extended, down to the first version's size. Unknown flag bits and nonzero
 * reserved fields are refused with EINVAL, unknown requests with ENOTTY. A request that fails
 * changes nothing, writes nothing but what is marked "also on error", and hangs nothing.
 *
 * Addresses are virtual addresses of the calling process. Ranges are [base, base + bytes), page
 * aligned.
 */
#ifndef FERRY_UAPI_H
#define FERRY_UAPI_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#define FERRY_UAPI_VERSION_MIN 1u
#define FERRY_UAPI_VERSION 1u

enum ferry_request {
	FERRY_REQ_VERSION = 1,
	FERRY_REQ_DEVICE_INFO = 2,
	FERRY_REQ_RANGE_CREATE = 3,
	FERRY_REQ_RANGE_DESTROY = 4,
	FERRY_REQ_MIGRATE = 5,
	FERRY_REQ_ADVISE = 6,
	FERRY_REQ_PROTECT = 7,
	FERRY_REQ_PROGRAM_LOAD = 8,
	FERRY_REQ_PROGRAM_UNLOAD = 9,
	FERRY_REQ_LAUNCH = 10,
	FERRY_REQ_WAIT = 11,
	FERRY_REQ_CAPABILITY = 12,
	FERRY_REQ_COUNTERS = 13,
	FERRY_REQ_RESIDENCY = 14,
	FERRY_REQ_REGISTER = 15,
	FERRY_REQ_UNREGISTER = 16,
	FERRY_REQ_LOCKS = 17
};

/* Where: the host, or device n (0..). */
#define FERRY_WHERE_HOST 0xffffffffu
#define FERRY_WHERE_NONE 0xfffffffeu

struct ferry_req_version {
	uint32_t size;
	uint32_t reserved;
	/* in: what the caller speaks; out: what both may use. EOPNOTSUPP: nothing is left */
	uint32_t min, max;
};

struct ferry_req_device_info {
	uint32_t size;
	uint32_t device; /* in. ENODEV: no such device */
	uint64_t vram_bytes;
	uint64_t vram_free_bytes;
	uint32_t capabilities; /* bit per FERRY_CAPABILITY_* */
	uint32_t sms;
	uint32_t devices; /* how many there are */
	uint32_t lost;    /* 1: the device died */
	char name[32];
};

/* RANGE_CREATE: manage [base, base + bytes). base: a multiple of 2 MiB, starts an allocation. */
#define FERRY_RANGE_READ_ONLY 1u /* devices may read only; see PROTECT */
struct ferry_req_range {
	uint32_t size;
	uint32_t flags;
	uint64_t base;
	uint64_t bytes; /* RANGE_DESTROY: 0; out: how many the allocation had */
};

/* MIGRATE: move the pages there now. BEST_EFFORT: what does not fit stays, without an error. */
#define FERRY_MIGRATE_BEST_EFFORT 1u
#define FERRY_MIGRATE_UNMAPPED 2u /* home only: the CPU maps them when it touches them, not now */
struct ferry_req_migrate {
	uint32_t size;
	uint32_t flags;
	uint64_t base, bytes;
	uint32_t where;
	uint32_t reserved;
	uint64_t pages_moved; /* out */
};

enum ferry_advice {
	FERRY_ADVICE_PREFERRED = 1,       /* where: pages like to live there; WHERE_NONE clears */
	FERRY_ADVICE_ACCESSED_BY = 2,     /* where (a device): keep it mapped, also from afar */
	FERRY_ADVICE_NOT_ACCESSED_BY = 3, /* take that back */
	FERRY_ADVICE_READ_MOSTLY = 4,     /* readers get copies; where must be WHERE_NONE */
	FERRY_ADVICE_NOT_READ_MOSTLY = 5
};

struct ferry_req_advise {
	uint32_t size;
	uint32_t advice;
	uint64_t base, bytes;
	uint32_t where;
	uint32_t reserved;
};

#define FERRY_PROT_READ 1u
#define FERRY_PROT_WRITE 2u
struct ferry_req_protect {
	uint32_t size;
	uint32_t prot; /* FERRY_PROT_READ, or READ | WRITE: what devices may do */
	uint64_t base, bytes;
};

/* PROGRAM_LOAD: insn_count * 8 bytes of eBPF follow the struct; size covers the struct alone. */
struct ferry_req_program_load {
	uint32_t size;
	uint32_t device;
	uint32_t insn_count;
	uint32_t arg_count;
	uint32_t program; /* out: handle, nonzero */
	uint32_t at;      /* out, also on error: the refused instruction */
};

struct ferry_req_program_unload {
	uint32_t size;
	uint32_t program; /* EBUSY while a launch uses it */
};

#define FERRY_LAUNCH_ARGS_MAX 16u
struct ferry_req_launch {
	uint32_t size;
	uint32_t flags; /* must be 0 */
	uint32_t device;
	uint32_t program;
	uint32_t grid[3];  /* blocks, each >= 1 */
	uint32_t block[3]; /* threads, each >= 1, product <= 1024 */
	uint64_t budget;   /* thread instructions; 0: the device's default */
	uint32_t arg_count;
	uint32_t reserved;
	uint64_t args[FERRY_LAUNCH_ARGS_MAX];
	uint64_t launch; /* out: names it for WAIT; grows by one each time */
};

/*
 * WAIT: until the launch has ended; its fate is in the out fields, also on error. ETIMEDOUT: still
 * running.
 */
struct ferry_req_wait {
	uint32_t size;
	uint32_t device;
	uint64_t launch;
	uint64_t timeout_ns;
	uint64_t fault_va;     /* out: of the first access that died */
	uint32_t fault_access; /* out: 0 read, 1 write, 2 atomic */
	uint32_t error;        /* out: enum ferry_error of the launch */
	uint64_t lanes_died;   /* out */
	uint64_t trap_code;    /* out */
	uint64_t insns;        /* out: thread instructions retired */
};

enum ferry_capability {
	FERRY_CAPABILITY_FAULTS = 0, /* access to missing pages is served, not fatal */
	FERRY_CAPABILITY_CANCEL,     /* a bad access ends alone */
	FERRY_CAPABILITY_ATOMICS,
	FERRY_CAPABILITY_BIG_PAGES,
	FERRY_CAPABILITY_HUGE_PAGES,
	FERRY_CAPABILITY_VIRTUAL_COPY,
	FERRY_CAPABILITY_FLOAT,
	FERRY_CAPABILITY_HOST_MAP, /* a device can use host memory in place */
	FERRY_CAPABILITY_SELF_REFRESH,
	FERRY_CAPABILITY_READ_MOSTLY,     /* read duplication */
	FERRY_CAPABILITY_CPU_MAPS_DEVICE, /* the CPU can use device memory in place */
	FERRY_CAPABILITY_SYSCALLS,        /* system calls may touch device-resident memory */
	FERRY_CAPABILITY_SUSPEND,         /* this host can put the device to sleep */
	FERRY_CAPABILITY_REGISTER,        /* devices can use the process's own memory */
	FERRY_CAPABILITIES
};

struct ferry_req_capability {
	uint32_t size;
	uint32_t device;
	uint32_t capability;
	uint32_t supported; /* out: 0 or 1 */
	char reason[120];   /* out: one sentence, also when supported */
};

/*
 * Counters, in this order for ever; new ones come at the end. Per VA space unless marked (driver).
 *   name  unit
 */
/* clang-format off */
#define FERRY_COUNTERS(x)                                                               \
	x(faults_gpu, "GPU fault entries fetched")                                      \
	x(faults_duplicate, "of these, repeats of a page already in the batch or served") \
	x(faults_fatal, "of these, cancelled")                                          \
	x(faults_cpu, "CPU faults")                                                     \
	x(faults_dropped, "GPU fault entries the device lost to a full buffer")         \
	x(batches, "fault batches")                                                     \
	x(replays, "replays")                                                           \
	x(cancels, "accesses cancelled")                                                \
	x(blocks_served, "blocks served by faults")                                     \
	x(evictions, "blocks evicted from a device")                                    \
	x(pages_evicted, "pages evicted")                                               \
	x(pages_to_device, "pages copied or zeroed onto a device")                      \
	x(pages_to_host, "pages copied to the host")                                    \
	x(pages_prefetched, "pages that came along without a fault of their own")       \
	x(bytes_to_device, "bytes copied to a device")                                  \
	x(bytes_to_host, "bytes copied to the host")                                    \
	x(bytes_zeroed, "bytes zeroed on a device")                                     \
	x(maps_remote, "pages mapped to a device where they were")                      \
	x(zaps, "CPU mappings taken away, calls")                                       \
	x(tlb_invalidates, "TLB invalidates")                                           \
	x(launches, "launches")                                                         \
	x(retries, "services started over after an eviction")                           \
	x(service_ns, "time in fault service")                                          \
	x(copy_ns, "time waiting for copies")                                           \
	x(evict_ns, "time in eviction")                                                 \
	x(memory_bytes, "the core's own memory now (driver)")                           \
	x(managed_bytes, "managed bytes now")                                           \
	x(lock_violations, "breaches of the lock order (driver)")                       \
	x(registered_bytes, "registered bytes of host memory now")                      \
	x(pages_revoked, "registered pages whose owner took them back")                 \
	x(pages_idled, "idle host pages let go of because the host was short of memory")
/* clang-format on */

enum ferry_counter {
#define x(name, what) FERRY_COUNTER_##name,
	FERRY_COUNTERS(x)
#undef x
		FERRY_COUNTER_COUNT
};

struct ferry_req_counters {
	uint32_t size;
	uint32_t count; /* in: room in value[], at most 64; out: how many there are */
	uint64_t value[64];
};

/* RESIDENCY: bit 0 the host, bit 1 + n device n, for each page; at most 512 pages from base on. */
struct ferry_req_residency {
	uint32_t size;
	uint32_t pages;
	uint64_t base;
	uint8_t where[512]; /* out */
};

/*
 * REGISTER: devices use [base, base + bytes), existing memory of the process, at its own addresses
 * and where it is: anonymous memory, which stays in memory from now on, or what another driver has
 * mapped there, until that driver takes it back; later accesses of devices then are
 * FERRY_E_FAULT_UNMAPPED. It never moves, so MIGRATE, ADVISE and PROTECT are refused (EOPNOTSUPP).
 * EEXIST: any of it is registered or managed already, or shares a 2 MiB block with managed memory.
 * UNREGISTER undoes exactly one REGISTER, named by its base. Do it before unmapping the memory:
 * until then devices use the pages that were there.
 */
#define FERRY_REGISTER_READ_ONLY 1u /* devices may read only */
#define FERRY_REGISTER_BYTES_MAX (1ull << 36)
struct ferry_req_register {
	uint32_t size;
	uint32_t flags; /* UNREGISTER: 0 */
	uint64_t base;
	uint64_t bytes; /* UNREGISTER: 0; out: how many there were */
};

/*
 * LOCKS: one row of the driver's lock order, and what its lock check saw of it since the driver was
 * there, for all handles. Rows are numbered outermost first; operations, which some rows forbid,
 * come after them. Sets are a bit per row: "held when this row was acquired, or this operation
 * done". Times are of one flow of control in `one_in`: every acquire of such a one is looked at. A
 * wait is counted only when somebody was in the way.
 */
struct ferry_req_locks {
	uint32_t size;
	uint32_t row;        /* in: 0.. EINVAL past the last */
	uint32_t rows;       /* out, as the rest: of locks */
	uint32_t operations; /* have the numbers from rows on */
	char name[32];
	char kind[16];    /* "mutex", "rw", "spin", "sem", "csem", "bits", "operation" */
	uint64_t refused; /* what the order forbids */
	uint64_t refused_exclusively; /* ... when it is held exclusively */
	uint64_t seen;                /* what was, in either mode */
	uint64_t seen_exclusively;
	uint64_t seen_tried;  /* out of order, by a try, which may */
	uint64_t seen_broken; /* against the order: violations */
	uint64_t violations;  /* of all rows; counters have it, too */
	uint64_t one_in;
	uint64_t acquired, contended;
	uint64_t wait_ns, wait_max_ns;
	uint64_t holds, hold_ns, hold_max_ns;
};

#endif /* FERRY_UAPI_H */
