/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * hal.h - what a GPU must offer to be driven by Ferry.
 *
 * A HAL is one const table plus a private object per device (`hd`). It translates; it takes no core lock, keeps no
 * policy, and never waits except where "bounded wait" is written. The core gives it memory and calls it under
 * the locks named here.
 *
 * Life of a device:  init -> fault_buffer -> channel_create(copy) -> asid_bind ... -> fini
 */
#ifndef FERRY_HAL_H
#define FERRY_HAL_H

#include "ferry/os.h"
#include "ferry/dev_ops.h"

enum ferry_cap {
	FERRY_CAP_REPLAY,
	FERRY_CAP_CANCEL,
	FERRY_CAP_ATOMICS,
	FERRY_CAP_BIG_PAGES,
	FERRY_CAP_HUGE_PAGES,
	FERRY_CAP_VIRTUAL_COPY,
	FERRY_CAP_FLOAT,
	FERRY_CAP_HOST_MAP,
	FERRY_CAP_SELF_REFRESH,
	FERRY_CAPS
};

struct ferry_hal_info {
	uint64_t vram_bytes;
	uint32_t caps; /* bit per enum ferry_cap */
	uint32_t sms;
	uint32_t channels; /* ids 0..channels-1 */
	uint32_t asids;    /* 0..asids-1 */
	uint32_t programs; /* slots */
	uint32_t block_threads_max;
	uint64_t grid_blocks_max;
	uint32_t args_max;
	uint32_t program_insns_max;
};

/* One decoded fault, 40 bytes: a batch of 1024 is 40 KiB. */
struct ferry_fault {
	uint64_t va; /* page aligned */
	uint64_t id; /* for cancel */
	uint64_t time_ns;
	uint32_t asid;
	uint32_t lanes; /* mask */
	uint16_t engine;
	uint8_t access; /* enum ferry_access */
	uint8_t kind;   /* enum ferry_fault_kind */
	uint32_t channel;
};

enum ferry_fault_kind { FERRY_FAULT_MISSING, FERRY_FAULT_PROT, FERRY_FAULT_POISONED, FERRY_FAULT_BAD_PTE };

enum ferry_channel_kind { FERRY_CHANNEL_COPY, FERRY_CHANNEL_COMPUTE };

struct ferry_launch_desc {
	uint32_t slot; /* program */
	uint32_t arg_count;
	uint32_t grid[3];  /* blocks */
	uint32_t block[3]; /* threads */
	uint64_t args_bus;
	uint64_t result_bus;
	uint64_t budget; /* thread instructions, 0 = the device's default */
};

/* What became of a launch, decoded from its result record. */
struct ferry_launch_result {
	int error;         /* 0, FERRY_E_FAULT_*, FERRY_E_LAUNCH_*, FERRY_E_DEVICE_LOST */
	uint32_t access;   /* enum ferry_access of the first access that died */
	uint64_t fault_va; /* its address */
	uint64_t reason;   /* of the cancel, or the trap code */
	uint64_t lanes;    /* threads that died */
	uint64_t insns;    /* thread instructions */
};

/* Size of what the HAL writes per command, per fault, per result. */
#define FERRY_HAL_CMD_BYTES 64u
#define FERRY_HAL_RESULT_BYTES 64u

enum ferry_hal_irq { FERRY_HAL_IRQ_FAULT = 1, FERRY_HAL_IRQ_FENCE = 2, FERRY_HAL_IRQ_ERROR = 4 };

struct ferry_hal {
	const char *name;
	size_t dev_bytes; /* sizeof the private object; zeroed by the core */

	/*
	 * init: identify and bring up to running, registers only. 0, FERRY_E_DEVICE_MAGIC, FERRY_E_DEVICE_LOST,
	 * FERRY_E_DEVICE_HUNG, FERRY_E_NOMEM. fini: quiet, DMA off. Process; bounded wait.
	 */
	int (*init)(void *hd, const struct ferry_dev_ops *ops, void *dev, struct ferry_hal_info *info);
	void (*fini)(void *hd);

	/* vector -> bits of enum ferry_hal_irq. irq context. */
	uint32_t (*irq_decode)(void *hd, uint32_t vector);
	/* The device no longer answers as itself. Any context; may cost a register read. */
	bool (*is_gone)(void *hd);
	/* 0, or a channel or the device stopped itself: FERRY_E_CHANNEL_ERROR, FERRY_E_DEVICE_HUNG. Memory only. */
	int (*health)(void *hd);

	/* Control commands. Process, DEVICE_CONTROL held; bounded wait. 0 or the code named. */
	int (*fault_buffer)(void *hd, uint64_t bus, void *cpu, uint32_t entries); /* 0 entries = off */
	int (*channel_create)(void *hd, uint32_t id, enum ferry_channel_kind kind, uint64_t ring_bus,
	                      uint32_t entries, uint64_t status_bus, uint32_t asid); /* CHANNEL_CREATE */
	int (*channel_destroy)(void *hd, uint32_t id);
	int (*asid_bind)(void *hd, uint32_t asid, uint64_t root_bus);
	int (*asid_unbind)(void *hd, uint32_t asid);
	/* 0, FERRY_E_PROGRAM_*; *at = the instruction that was refused. bus: insn_count * 8 bytes. */
	int (*program_load)(void *hd, uint32_t slot, uint64_t bus, uint32_t insn_count, uint32_t arg_count,
	                    uint32_t *at);
	int (*program_unload)(void *hd, uint32_t slot);

	/*
	 * Commands: each writes one slot of FERRY_HAL_CMD_BYTES at `slot`. CHANNEL held. No failure.
	 * doorbell publishes all slots below put (free-running). One register write. May run the engine.
	 */
	void (*doorbell)(void *hd, uint32_t channel, uint64_t put);
	uint64_t (*channel_get)(void *hd, const void *status); /* commands done, free-running */
	uint32_t (*channel_error)(void *hd, const void *status);
	void (*cmd_copy)(void *slot, enum ferry_aperture dst_ap, uint64_t dst, enum ferry_aperture src_ap,
	                 uint64_t src, uint64_t size_bytes);
	void (*cmd_fill)(void *slot, enum ferry_aperture ap, uint64_t dst, uint64_t pattern, uint64_t size_bytes);
	void (*cmd_fence)(void *slot, uint64_t bus, uint64_t value, bool irq);
	void (*cmd_tlb_invalidate)(void *slot, uint32_t asid, uint64_t va, uint64_t size_bytes);
	void (*cmd_replay)(void *slot);
	void (*cmd_cancel)(void *slot, const struct ferry_fault *fault, uint32_t reason);
	void (*cmd_launch)(void *slot, const struct ferry_launch_desc *desc);
	/* Decode a result record; false while the launch has not ended. */
	bool (*launch_result)(const void *record, struct ferry_launch_result *out);

	/*
	 * Faults: take up to max entries in order, decode, and give the room back to the device (one register write).
	 * ISR_SERVICE held. dropped counts what the device lost since the last call. arm: ask for one interrupt,
	 * at once if entries are waiting. pending: entries are waiting (memory only).
	 */
	uint32_t (*fault_fetch)(void *hd, struct ferry_fault *out, uint32_t max, uint64_t *dropped);
	bool (*fault_pending)(void *hd);
	void (*fault_arm)(void *hd);

	/* Page tables: pure encoders. Levels of 512 entries; the last maps 4 KiB, the one above may map 2 MiB. */
	uint64_t (*pte)(enum ferry_aperture ap, uint64_t address, enum ferry_access allow, uint32_t page_shift);
	uint64_t (*pde)(uint64_t table_bus);
};

#endif /* FERRY_HAL_H */
