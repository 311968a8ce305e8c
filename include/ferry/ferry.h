/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ferry.h - the user library: unified memory between this process and a GPU.
 *
 *     struct ferry *f;
 *     ferry_open(NULL, &f);                                   driver and software GPU in this process
 *     ferry_alloc(f, bytes, 0, (void **)&p);                  one pointer, valid on both sides
 *     ferry_program_load_file(f, 0, "x.o", NULL, &prog);      C compiled by clang -target bpf
 *     ferry_launch(f, &(struct ferry_launch){ .program = prog, .grid = { n }, .block = { 256 },
 *                                             .args = { (uintptr_t)p, bytes }, .arg_count = 2 }, &id);
 *     ferry_wait(f, 0, id, FERRY_FOREVER, NULL);
 *     use p[...] again;
 *     ferry_close(f);
 *
 * Every function returns 0 or an enum ferry_error (positive); ferry_strerror(), ferry_error_name() and
 * ferry_error_errno() explain it. Outputs are written on success only. All functions may be called from any
 * thread; a handle belongs to the process that opened it (a child gets FERRY_E_FORKED). Nothing here blocks a
 * signal for longer than a copy takes; ferry_wait() is the one call that may wait long.
 *
 * Manual pages: ferry(7), and one for each function in section 3.
 */
#ifndef FERRY_FERRY_H
#define FERRY_FERRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/error.h"
#include "ferry/uapi/ferry.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_FOREVER UINT64_MAX

struct ferry;         /* one open handle */
struct ferry_program; /* one loaded program */

/* How CPU faults on device-resident memory are served in this process. */
enum ferry_cpu_faults {
	FERRY_CPU_FAULTS_AUTO = 0,   /* THREAD where allowed, else SIGNAL */
	FERRY_CPU_FAULTS_THREAD = 1, /* a helper thread: system calls may touch the memory too */
	FERRY_CPU_FAULTS_SIGNAL = 2  /* SIGBUS in the faulting thread: several times faster, but a system call that
	                              * touches device-resident memory fails with EFAULT */
};

/*
 * Options; zero means the default. size = sizeof(struct ferry_options) of the caller: it grows at its end, a shorter
 * one of an older program is taken, and a longer one when the rest is zero.
 *
 * The kernel host's devices are the kernel module's to make: with them, devices, sms, vram_bytes and capabilities_off
 * are a demand, met or FERRY_E_UNSUPPORTED; seed, fault_entries and batch_max cannot be given; cpu_faults does not
 * matter, for the kernel serves them all.
 */
struct ferry_options {
	uint32_t size;
	uint32_t flags;      /* must be 0 */
	const char *host;    /* "process" (default), "kernel", "auto": the kernel's where it is available */
	uint32_t devices;    /* software GPUs, 1..4; default 1 */
	uint32_t sms;        /* engines (threads) of each, 1..64; default: the CPUs of this machine, at most 8 */
	uint64_t vram_bytes; /* of each; multiple of 2 MiB; default 64 MiB */
	uint64_t capabilities_off; /* bit per FERRY_CAPABILITY_*: switch device features off */
	uint64_t seed;             /* of injected faults */
	uint32_t cpu_faults;       /* enum ferry_cpu_faults */
	uint32_t fault_entries;    /* of the fault buffer; default 4096 */
	uint32_t batch_max;        /* default 1024 */
	uint32_t reserved;
	const char *node; /* of the kernel host; default: FERRY_DEVICE in the environment, else "/dev/ferry0" */
};

int ferry_open(const struct ferry_options *options, struct ferry **out);
/* Ends launches, unloads programs, frees all managed memory of the handle. NULL is allowed. */
int ferry_close(struct ferry *f);
/* Where the driver of this handle runs: "process" or "kernel". NULL for NULL. */
const char *ferry_host(const struct ferry *f);

/* ---- memory ---- */

/* flags: FERRY_RANGE_READ_ONLY. Zeroed; aligned to 2 MiB; size rounded up to pages. */
int ferry_alloc(struct ferry *f, size_t bytes, uint32_t flags, void **out);
/* p must be what ferry_alloc gave: else FERRY_E_RANGE_NOT_FOUND or FERRY_E_RANGE_NOT_START. NULL is allowed. */
int ferry_free(struct ferry *f, void *p);
/* where: a device number, or FERRY_WHERE_HOST. prefetch moves what fits; migrate moves all or says why not. */
int ferry_prefetch(struct ferry *f, const void *p, size_t bytes, uint32_t where);
int ferry_migrate(struct ferry *f, const void *p, size_t bytes, uint32_t where);
int ferry_advise(struct ferry *f, const void *p, size_t bytes, enum ferry_advice advice, uint32_t where);
/* prot: FERRY_PROT_*; for devices and the CPU alike. */
int ferry_protect(struct ferry *f, void *p, size_t bytes, uint32_t prot);
/* One byte a page into where[]: bit 0 host, bit 1 + n device n. */
int ferry_residency(struct ferry *f, const void *p, size_t bytes, uint8_t *where);
/*
 * Memory that ferry_alloc did not give, whole pages of it, for devices to use where it is: ferry_register(3).
 * flags: FERRY_REGISTER_READ_ONLY. unregister: p as registered, else FERRY_E_REGISTER_NOT_FOUND.
 */
int ferry_register(struct ferry *f, void *p, size_t bytes, uint32_t flags);
int ferry_unregister(struct ferry *f, void *p);

/* ---- programs ---- */

/*
 * entry: the name given to FERRY_KERNEL(); NULL when the object has one only. The image is read, not kept.
 * FERRY_E_PROGRAM_*; ferry_last_error() then says which instruction or symbol.
 */
int ferry_program_load(struct ferry *f, uint32_t device, const void *image, size_t bytes, const char *entry,
                       struct ferry_program **out);
int ferry_program_load_file(struct ferry *f, uint32_t device, const char *path, const char *entry,
                            struct ferry_program **out);
int ferry_program_unload(struct ferry_program *program);
uint32_t ferry_program_args(const struct ferry_program *program);

struct ferry_launch {
	struct ferry_program *program;
	uint32_t grid[3];  /* blocks; a zero counts as 1, but grid[0] must be given */
	uint32_t block[3]; /* threads; same; at most 1024 in all */
	uint32_t arg_count;
	uint32_t flags;  /* must be 0 */
	uint64_t budget; /* thread instructions; 0: the device's default */
	uint64_t args[FERRY_LAUNCH_ARGS_MAX];
};

/* Launches of one handle on one device run in order. *id names it for ferry_wait. */
int ferry_launch(struct ferry *f, const struct ferry_launch *launch, uint64_t *id);

struct ferry_result {
	uint64_t fault_va;     /* of the first access that died */
	uint32_t fault_access; /* 0 read, 1 write, 2 atomic */
	uint32_t error;        /* enum ferry_error */
	uint64_t lanes_died, trap_code, insns;
};
/*
 * Until launch id on device has ended. Returns its fate: 0, FERRY_E_FAULT_*, FERRY_E_LAUNCH_*; or
 * FERRY_E_TIMEOUT, FERRY_E_DEVICE_LOST, FERRY_E_LAUNCH_ID. out may be NULL.
 */
int ferry_wait(struct ferry *f, uint32_t device, uint64_t id, uint64_t timeout_ns, struct ferry_result *out);

/* ---- questions ---- */

int ferry_device_info(struct ferry *f, uint32_t device, struct ferry_req_device_info *out);
/* reason (may be NULL): one sentence, at most size bytes with its NUL. */
int ferry_query(struct ferry *f, uint32_t device, enum ferry_capability capability, bool *supported, char *reason,
                size_t size);
int ferry_counters(struct ferry *f, uint64_t value[FERRY_COUNTER_COUNT]);
const char *ferry_counter_name(uint32_t counter); /* NULL beyond the last */
const char *ferry_counter_text(uint32_t counter);

/* The raw request interface: uapi/ferry.h. */
int ferry_request(struct ferry *f, uint32_t request, void *buf, size_t bytes);

/*
 * Make the software GPU misbehave: name of a knob of ferryctl(1), value as there. FERRY_E_INVAL; FERRY_E_UNSUPPORTED
 * on the kernel host, whose knobs and device counters are root's, in debugfs.
 */
int ferry_inject(struct ferry *f, uint32_t device, const char *knob, uint64_t value);
/* A counter of the device itself: "insns", "warp_insns", "tlb_hits", "tlb_misses", "stalls", "copy_bytes". */
int ferry_device_counter(struct ferry *f, uint32_t device, const char *name, uint64_t *value);

/* ---- errors ---- */

const char *ferry_strerror(int error);   /* a sentence */
const char *ferry_error_name(int error); /* "FERRY_E_..." without the prefix */
int ferry_error_errno(int error);        /* its errno */
const char *ferry_last_error(void);      /* more about this thread's last failure, "" when nothing is known */
const char *ferry_version(void);

#ifdef __cplusplus
}
#endif

#endif /* FERRY_FERRY_H */
