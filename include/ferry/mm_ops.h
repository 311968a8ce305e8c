/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_ops.h - what the core needs of the CPU's page tables and of host memory.
 *
 * One object of the host (`mm`) stands for the address space that one VA space shares with its devices.
 * All addresses are virtual addresses of that space, page aligned; page_count >= 1, within one block.
 *
 * Three layers of one managed page on the host, and who changes them:
 *
 *     host page exists      host_populate()          (never taken away before host_discard(); after host_idle()
 *       |                                             its bytes may lie in swap)
 *       |  the device reaches it at host_bus()
 *     CPU mapping exists    cpu_insert() / cpu_zap()
 *       |  and may be
 *     writable              cpu_insert(write) / cpu_protect()
 *
 * The core keeps the truth about residency; the host only maps what it is told. The host may drop a CPU
 * mapping on its own at any time (the core then sees one more CPU fault), but may never add one.
 *
 * Context: process, BLOCK held, unless said otherwise. None of them may call back into the core.
 * Errors:  as listed; on error nothing has changed, except that cpu_insert may have mapped a prefix.
 */
#ifndef FERRY_MM_OPS_H
#define FERRY_MM_OPS_H

#include "ferry/types.h"

struct ferry_mm_ops {
	/*
	 * get: the address space will not be torn down before put. 0 or FERRY_E_VA_SPACE_DEAD (it is going
	 * away: the caller drops the work). Called by fault service before it takes VA_SPACE.
	 */
	int (*get)(void *mm);
	void (*put)(void *mm);

	/*
	 * cpu_zap: when it returns, no CPU can touch the pages without a new fault, and what CPUs wrote before is
	 * visible to the device. Pages without a mapping are allowed. 0, FERRY_E_CPU_ZAP.
	 */
	int (*cpu_zap)(void *mm, uint64_t va, uint32_t page_count);

	/*
	 * cpu_protect: the same for writes; reads go on. 0, FERRY_E_CPU_ZAP. NULL: this host can only take the whole
	 * mapping away (cpu_zap), which is what the core then does; the next read brings it back, read-only.
	 */
	int (*cpu_protect)(void *mm, uint64_t va, uint32_t page_count);

	/*
	 * cpu_insert: map the populated host pages; an existing mapping is not an error. write=false maps such
	 * that a write faults; a write that slipped in before the protection stood is in the host page when the
	 * call returns (the caller copies again). Wakes who waits for these pages. 0, FERRY_E_CPU_INSERT (the VMA is
	 * gone or wrong), FERRY_E_HOST_FULL, FERRY_E_BUSY (the address space is changing: the access will fault again
	 * by itself).
	 */
	int (*cpu_insert)(void *mm, uint64_t va, uint32_t page_count, bool write);
	/* cpu_insert(write=false) never lets a write slip in, so nothing need be copied again. Constant. */
	bool read_only_at_once;

	/* cpu_poison: the next CPU access to the pages gets SIGBUS, for good. 0, FERRY_E_CPU_INSERT. */
	int (*cpu_poison)(void *mm, uint64_t va, uint32_t page_count);

	/*
	 * host_populate: zeroed host pages exist where there were none; present ones keep their bytes.
	 * 0, FERRY_E_HOST_FULL.
	 */
	int (*host_populate)(void *mm, uint64_t va, uint32_t page_count);

	/*
	 * host_bus: where device @dev (the cookie of dev_ops) finds the populated page at @va. *run_pages, at most
	 * @page_count, says how many pages follow each other on the bus from there. Asked again while BLOCK is held,
	 * it allocates nothing. 0, FERRY_E_HOST_MAP, FERRY_E_HOST_FULL.
	 */
	int (*host_bus)(void *mm, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus, uint32_t *run_pages);

	/*
	 * host_ptr: the driver's own view of a populated page, for comparing and for saving what a CPU may not
	 * see at @va. Valid until host_discard. NULL where the host has none.
	 */
	void *(*host_ptr)(void *mm, uint64_t va);

	/*
	 * host_pinned: which of the populated pages somebody outside has a hold on (O_DIRECT, a pipe, another driver)
	 * and may write to at any time, CPU mapping or not. They must stay where they are. Called when no CPU can
	 * write to them (cpu_zap, cpu_protect); who comes for a hold to write with later takes a CPU fault first.
	 * Sets bit i % 64 of words[i / 64] for page va + i; the caller gives zeroes. NULL: nobody can pin pages on
	 * this host.
	 */
	void (*host_pinned)(void *mm, uint64_t va, uint32_t page_count, uint64_t *words);

	/*
	 * host_idle: populated pages without a CPU mapping that no device can reach now: the host may put their bytes
	 * elsewhere (swap). host_bus, host_ptr and cpu_insert get them back; those may then fail for want of memory.
	 * Returns how many it had held until now. Called from inside memory allocation: must not allocate. NULL:
	 * nothing to gain on this host.
	 */
	uint32_t (*host_idle)(void *mm, uint64_t va, uint32_t page_count);

	/*
	 * external_map: memory of the process that is not managed, for devices to use in place. From now until
	 * external_unmap of the same piece, the pages are where external_bus says, and nobody else's; except those
	 * that their owner takes back, of which the host tells the core before it lets go
	 * (ferry_core_external_revoke()). write: devices may write. page_count: up to FERRY_REGISTER_BYTES_MAX,
	 * not only of one block; pieces never overlap. Context: process, no core lock, may sleep long.
	 * FERRY_E_REGISTER_*, FERRY_E_RANGE_OVERLAP (the memory is the driver's own), FERRY_E_HOST_FULL,
	 * FERRY_E_HOST_MAP (a device cannot reach it), FERRY_E_KILLED. NULL: not on this host.
	 */
	int (*external_map)(void *mm, uint64_t va, uint64_t page_count, bool write);

	/*
	 * external_unmap: no device reaches the piece any more; what devices wrote is the process's. When it returns
	 * no revoke of it is under way, and none will come. Never fails. Context: process, no core lock.
	 */
	void (*external_unmap)(void *mm, uint64_t va, uint64_t page_count);

	/*
	 * external_bus: host_bus() of a page that is mapped as external. BLOCK held, EXTERNAL not. FERRY_E_HOST_MAP,
	 * FERRY_E_HOST_FULL.
	 */
	int (*external_bus)(void *mm, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus,
	                    uint32_t *run_pages);

	/* host_discard: the pages are no longer needed; their bytes may go. Never fails. */
	void (*host_discard)(void *mm, uint64_t va, uint32_t page_count);
};

#endif /* FERRY_MM_OPS_H */
