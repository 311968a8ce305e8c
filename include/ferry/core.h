/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * core.h - all that a host may call of the core.
 *
 *   create core -> add devices -> open VA spaces -> requests, CPU faults -> close -> destroy
 *
 * Every function here passes the gate (core/power/gate.h) but for those that cannot be refused, which say so: while
 * the driver is suspending, entries fail with FERRY_E_GATE_CLOSED and change nothing. Context: process, no core lock
 * held, may sleep, unless said otherwise. All return 0 or an enum ferry_error; the host turns it into its errno with
 * ferry_error_errno() of its own.
 */
#ifndef FERRY_CORE_H
#define FERRY_CORE_H

#include "ferry/os.h"
#include "ferry/mm_ops.h"
#include "ferry/dev_ops.h"
#include "ferry/uapi/ferry.h"

struct ferry_core;
struct ferry_va_space;
struct ferry_hal;

struct ferry_core_params {
	uint32_t fault_entries;    /* of each device's fault buffer; 0 = 4096. A power of two, 16..65536 */
	uint32_t batch_max;        /* faults handled together; 0 = 1024, 1..1024 */
	uint64_t fence_timeout_ns; /* a device that has not done a copy or command by then is lost; 0 = 10 s */
};

/* *out on success. FERRY_E_NOMEM, FERRY_E_INVAL. */
int ferry_core_create(const struct ferry_core_params *params, struct ferry_core **out) FERRY_MUST_CHECK;
/* All VA spaces must be closed. Removes the devices. */
void ferry_core_destroy(struct ferry_core *core);

/* *id counts from 0. Everything HAL init can say, FERRY_E_DEVICE_TOO_MANY, FERRY_E_*_NOMEM. */
int ferry_core_add_device(struct ferry_core *core, const struct ferry_hal *hal, const struct ferry_dev_ops *ops,
                          void *dev, uint32_t *id) FERRY_MUST_CHECK;

/* One user of the driver: an address space and its pages. host_caps: bit per
 * FERRY_CAPABILITY_* that the host has (SYSCALLS, CPU_MAPS_DEVICE, READ_MOSTLY, SUSPEND). */
int ferry_core_open(struct ferry_core *core, const struct ferry_mm_ops *ops, void *mm, uint32_t host_caps,
                    struct ferry_va_space **out) FERRY_MUST_CHECK;
/* Ends its launches, gives everything back; the bytes go too. */
void ferry_core_close(struct ferry_core *core, struct ferry_va_space *vs);

/*
 * One request: buf holds its struct (and payload), size_bytes of it are valid and writable. FERRY_E_REQUEST:
 * unknown number (ENOTTY).
 */
int ferry_core_request(struct ferry_core *core, struct ferry_va_space *vs, uint32_t request, void *buf,
                       size_t size_bytes);

/*
 * A CPU touched va and found no (sufficient) mapping. 0: mapped, or the access may simply be tried again.
 * FERRY_E_RANGE_NOT_FOUND, FERRY_E_DEVICE_LOST (the bytes are gone), FERRY_E_HOST_FULL: SIGBUS. FERRY_E_KILLED: the
 * thread is to die, and was not served. FERRY_E_GATE_CLOSED: later.
 */
int ferry_core_cpu_fault(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, bool write);

/* The CPU side of [va, va + size_bytes) no longer exists: forget those pages, and their bytes. Passes a closed gate.
 */
void ferry_core_unmapped(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, uint64_t size_bytes);

/*
 * [va, va + size_bytes) leaves the driver's care with its bytes: pages come home, then they are forgotten as above.
 * FERRY_E_DEVICE_LOST and what a migration says; then nothing is forgotten.
 */
int ferry_core_release(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, uint64_t size_bytes);

/*
 * The owner of registered memory takes [va, va + size_bytes) back: when this returns no device can access it any
 * more, and none will until it is unregistered and registered again. Pages that are not registered are passed over.
 * Passes no gate. Context: process; may wait for the device, bounded; also inside memory allocation and with any lock
 * of the host's held: takes EXTERNAL and CHANNEL only, under which nobody allocates. vs is open.
 */
void ferry_core_external_revoke(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, uint64_t size_bytes);

/*
 * The host is short of memory: give it pages that nobody uses (mm_ops host_idle), about pages_wanted. Returns how
 * many. vs: of this open space only; NULL: of all. Context: process, also inside memory allocation, whatever locks
 * are held: all are taken by try.
 */
uint64_t ferry_core_idle(struct ferry_core *core, struct ferry_va_space *vs, uint64_t pages_wanted);

/* Request LOCKS without a handle: out->row is the question. FERRY_E_INVAL: no such row. No gate. Context: any. */
int ferry_core_locks(struct ferry_core *core, struct ferry_req_locks *out);

/*
 * Device id has been taken away: as if it had died by itself. Its users are told (FERRY_E_DEVICE_LOST), launches on
 * it end. Any context. Calls of dev_ops may still come until ferry_core_destroy(), and must then do nothing.
 */
void ferry_core_device_gone(struct ferry_core *core, uint32_t id);

/*
 * For poll: bits of FERRY_CORE_POLL_*. wait: woken whenever they may have changed (one object per device id, NULL
 * beyond the last). Context: process, may sleep.
 */
#define FERRY_CORE_POLL_IDLE 1u /* every launch made so far has ended */
#define FERRY_CORE_POLL_LOST 2u /* a device is lost */
uint32_t ferry_core_poll(struct ferry_core *core, struct ferry_va_space *vs);
struct ferry_os_wait *ferry_core_poll_wait(struct ferry_core *core, uint32_t id);

#endif /* FERRY_CORE_H */
