/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fg1.h - the numbers of the FG-1 hardware interface. The manual is docs/fg1.md; this file is all that the
 * driver's half (hal/fg1/) and the hardware's half (softgpu/) share.
 *
 * Everything is 64-bit little-endian words. Every command register is latched by a doorbell write; results
 * are written to memory, never read from registers on a hot path.
 */
#ifndef FERRY_FG1_H
#define FERRY_FG1_H

/* ---- registers: byte offsets in BAR 0, 64-bit each ---- */
#define FG1_REG_ID 0x000u                  /* RO  FG1_ID, or all ones / zero when the device is gone */
#define FG1_REG_CAPS 0x008u                /* RO  FG1_CAP_* */
#define FG1_REG_VRAM_BYTES 0x010u          /* RO  a multiple of 2 MiB */
#define FG1_REG_LIMITS 0x018u              /* RO  see FG1_LIMIT_* */
#define FG1_REG_SCRATCH 0x020u             /* RW  zero after power loss or reset */
#define FG1_REG_POWER 0x028u               /* RO  FG1_POWER_* */
#define FG1_REG_ARG(n) (0x040u + 8u * (n)) /* RW  n = 0..6: arguments, latched by CMD */
#define FG1_REG_CMD 0x080u                 /* WO  sequence << 32 | FG1_CMD_*: runs it */
#define FG1_REG_DOORBELL 0x100u            /* WO  channel << 48 | PUT (48 bits, free-running) */
#define FG1_REG_FAULT_GET 0x108u           /* WO  entries consumed, free-running */
#define FG1_REG_FAULT_ARM 0x110u           /* WO  any value: one fault interrupt is wanted */
#define FG1_REG_BYTES 0x1000u

#define FG1_ID 0x46472d3100000001ull /* "FG-1", interface version 1 */

#define FG1_LIMIT_SMS(v) ((uint32_t)((v)&0xff))
#define FG1_LIMIT_COPY_ENGINES(v) ((uint32_t)(((v) >> 8) & 0xff))
#define FG1_LIMIT_CHANNELS(v) ((uint32_t)(((v) >> 16) & 0xffff))
#define FG1_LIMIT_ASIDS(v) ((uint32_t)(((v) >> 32) & 0xffff))
#define FG1_LIMIT_PROGRAMS(v) ((uint32_t)(((v) >> 48) & 0xffff))

#define FG1_CAP_REPLAY (1ull << 0)       /* faults stall and can be replayed */
#define FG1_CAP_CANCEL (1ull << 1)       /* one stalled access can be cancelled */
#define FG1_CAP_ATOMICS (1ull << 2)      /* atomic instructions */
#define FG1_CAP_BIG_PAGES (1ull << 3)    /* 64 KiB through the CONT bit */
#define FG1_CAP_HUGE_PAGES (1ull << 4)   /* 2 MiB leaves */
#define FG1_CAP_VIRTUAL_COPY (1ull << 5) /* COPY and FILL take virtual addresses */
#define FG1_CAP_PTE_WRITE (1ull << 6)    /* the PTE_WRITE command */
#define FG1_CAP_FLOAT (1ull << 7)        /* float helpers */
#define FG1_CAP_SELF_REFRESH (1ull << 8) /* a power state that keeps device memory */
#define FG1_CAP_HOST_MAP (1ull << 9)     /* PTEs may point at host memory */
#define FG1_CAP_ALL 0x3ffull

#define FG1_POWER_ON 0ull
#define FG1_POWER_SELF_REFRESH 1ull /* registers lost, device memory kept */
#define FG1_POWER_OFF 3ull          /* registers and device memory lost */

/* ---- control commands: written to ARG0.., then CMD; result in the status page ---- */
#define FG1_CMD_INIT 1u         /* ARG0 status page bus address */
#define FG1_CMD_FAULT_BUFFER 2u /* ARG0 bus address (0 = off), ARG1 entries, a power of two 16..65536 */
#define FG1_CMD_ASID_BIND 3u    /* ARG0 asid, ARG1 bus address of the root table */
#define FG1_CMD_ASID_UNBIND 4u  /* ARG0 asid; its stalled accesses are cancelled */
#define FG1_CMD_CHANNEL_CREATE                                                                                       \
	5u                         /* ARG0 id, ARG1 FG1_CHANNEL_*, ARG2 ring bus, ARG3 entries (power of two),       \
	                            * ARG4 channel status bus, ARG5 asid */
#define FG1_CMD_CHANNEL_DESTROY 6u /* ARG0 id; its launches end with FG1_LAUNCH_KILLED */
#define FG1_CMD_PROGRAM_LOAD 7u    /* ARG0 slot, ARG1 bus of the instructions, ARG2 how many, ARG3 arguments */
#define FG1_CMD_PROGRAM_UNLOAD 8u  /* ARG0 slot; busy while a launch uses it */
#define FG1_CMD_POWER 9u           /* ARG0 FG1_POWER_* */
#define FG1_CMD_RESET 10u          /* everything lost, as after power on */

/* Result codes of control commands. */
#define FG1_OK 0u
#define FG1_ERR_UNKNOWN 1u     /* no such command */
#define FG1_ERR_ARG 2u         /* an argument out of range */
#define FG1_ERR_BUSY 3u        /* in use */
#define FG1_ERR_DMA 4u         /* an address the bus refuses */
#define FG1_ERR_NOT_INIT 5u    /* INIT first */
#define FG1_ERR_POWER 6u       /* not in this power state */
#define FG1_ERR_NO_RESOURCE 7u /* the device is out of it */
#define FG1_ERR_UNSUPPORTED 8u /* capability switched off */
#define FG1_ERR_PROGRAM 0x100u /* + enum fg1_program_error: the loader refused the program */

/* Why the loader refuses: result = FG1_ERR_PROGRAM + this; bits 31:16 hold the instruction index (capped). */
enum fg1_program_error {
	FG1_PROGRAM_OK = 0,
	FG1_PROGRAM_SIZE,        /* empty, or over FG1_PROGRAM_INSNS_MAX */
	FG1_PROGRAM_OPCODE,      /* not an instruction of RFC 9669 base64/atomic64, or reserved bits set */
	FG1_PROGRAM_REGISTER,    /* r11..r15, or a write to r10 */
	FG1_PROGRAM_BRANCH,      /* outside, or into the second half of a wide instruction */
	FG1_PROGRAM_FALLTHROUGH, /* the last instruction does not end or jump */
	FG1_PROGRAM_HELPER,      /* unknown helper, or one that a capability switches off */
	FG1_PROGRAM_CALL,        /* a call that is not a helper call */
	FG1_PROGRAM_RELOC,       /* lddw with a relocation source register */
	FG1_PROGRAM_ARGS         /* more arguments than FG1_ARGS_MAX */
};
#define FG1_PROGRAM_INSNS_MAX 65536u
#define FG1_ARGS_MAX 16u

/* ---- status page: 4 KiB of host memory that the device writes; byte offsets ---- */
#define FG1_STATUS_CMD 0x00u           /* sequence << 32 | result of the last control command */
#define FG1_STATUS_FAULT_PUT 0x08u     /* fault entries written, free-running */
#define FG1_STATUS_FAULT_DROPPED 0x10u /* fault entries lost to a full buffer, free-running */
#define FG1_STATUS_FATAL 0x18u         /* nonzero: the device stopped itself; FG1_FATAL_* */
#define FG1_STATUS_COUNTERS 0x100u     /* 64-bit counters, enum fg1_counter order, updated when engines idle */

#define FG1_FATAL_DMA 1ull  /* a DMA outside what the driver mapped */
#define FG1_FATAL_HANG 2ull /* an engine hangs (injected) */

enum fg1_counter {
	FG1_COUNTER_INSNS = 0,  /* thread instructions retired */
	FG1_COUNTER_WARP_INSNS, /* warp instructions issued */
	FG1_COUNTER_TLB_HITS,   /* per warp access and page */
	FG1_COUNTER_TLB_MISSES,
	FG1_COUNTER_STALLS, /* warp accesses that stalled on a fault */
	FG1_COUNTER_COPY_BYTES,
	FG1_COUNTERS
};

/* ---- interrupt vectors ---- */
#define FG1_IRQ_FAULT 0u     /* the fault buffer has entries; one-shot, wants FAULT_ARM */
#define FG1_IRQ_SEMAPHORE 1u /* a SEM_RELEASE with FG1_SEM_IRQ was done */
#define FG1_IRQ_ERROR 2u     /* a channel stopped, or FG1_STATUS_FATAL is set */
#define FG1_IRQ_VECTORS 3u

/* ---- channels ---- */
#define FG1_CHANNEL_COPY 1u    /* privileged: physical addresses; all but LAUNCH */
#define FG1_CHANNEL_COMPUTE 2u /* one address space: LAUNCH, virtual COPY and FILL, semaphores, MEMBAR */

/* Channel status, 64 bytes of host memory the device writes; byte offsets. */
#define FG1_CHANNEL_GET 0x00u   /* commands done, free-running */
#define FG1_CHANNEL_ERROR 0x08u /* 0, or FG1_ERR_*: the channel stopped at GET */

/* A command is 8 words. Word 0: opcode in bits 7:0, flags from bit 8. */
#define FG1_CMD_WORDS 8u
#define FG1_CMD_BYTES 64u
#define FG1_OP_NOP 0u
#define FG1_OP_COPY 1u           /* w1 dst, w2 src, w3 bytes; apertures in the flags */
#define FG1_OP_FILL 2u           /* w1 dst, w2 64-bit pattern, w3 bytes (multiple of 8) */
#define FG1_OP_SEM_ACQUIRE 3u    /* w1 bus, w2 value: go on when *bus - value, as signed, is >= 0 */
#define FG1_OP_SEM_RELEASE 4u    /* w1 bus, w2 value: *bus = value once all before is done; w3 != 0: *w3 = ns */
#define FG1_OP_PTE_WRITE 5u      /* w1 bus of the first entry, w2 entries, w3 first PTE, w4 step added per entry */
#define FG1_OP_TLB_INVALIDATE 6u /* w1 asid, w2 va, w3 bytes (0 = the whole space); done when no old use is left */
#define FG1_OP_FAULT_REPLAY 7u   /* every stalled access tries again */
#define FG1_OP_FAULT_CANCEL 8u   /* w1 fault id, w2 page va, w3 reason (nonzero): that access dies */
#define FG1_OP_MEMBAR 9u         /* all before is visible to host and device */
#define FG1_OP_LAUNCH 10u        /* see below */
#define FG1_OPS 11u

#define FG1_OP(w0) ((uint32_t)((w0)&0xff))
#define FG1_DST_SHIFT 8u  /* bits 9:8   aperture of dst: enum ferry_aperture */
#define FG1_SRC_SHIFT 10u /* bits 11:10 aperture of src */
#define FG1_SEM_IRQ (1ull << 12)

/*
 * LAUNCH  w1 program slot | arguments << 32
 *         w2 grid x | grid y << 32      (blocks)
 *         w3 grid z | block x << 32     (threads)
 *         w4 block y | block z << 32
 *         w5 bus of the arguments (8 bytes each), w6 bus of the result record
 *         w7 budget: thread instructions the launch may retire, 0 = FG1_BUDGET_DEFAULT
 */
#define FG1_BLOCK_THREADS_MAX 1024u
#define FG1_GRID_BLOCKS_MAX (1ull << 31)
#define FG1_BUDGET_DEFAULT (1ull << 38)
#define FG1_WARP 32u

/* Launch result record: 64 bytes of host memory, written before the next command of the channel runs. */
#define FG1_RESULT_STATUS 0x00u   /* FG1_LAUNCH_* , written last */
#define FG1_RESULT_FAULT_VA 0x08u /* of the first access that died */
#define FG1_RESULT_REASON 0x10u   /* of its FAULT_CANCEL; or the trap code */
#define FG1_RESULT_ACCESS 0x18u   /* enum ferry_access of it */
#define FG1_RESULT_LANES 0x20u    /* threads that died */
#define FG1_RESULT_INSNS 0x28u    /* thread instructions retired */
#define FG1_RESULT_BYTES 64u
#define FG1_LAUNCH_RUNNING 0ull
#define FG1_LAUNCH_OK 1ull
#define FG1_LAUNCH_FAULT 2ull  /* some accesses were cancelled; other threads finished */
#define FG1_LAUNCH_TRAP 3ull   /* a thread trapped: FERRY_TRAP_* in REASON; the launch was stopped */
#define FG1_LAUNCH_BUDGET 4ull /* out of budget; stopped */
#define FG1_LAUNCH_KILLED 5ull /* channel destroyed, reset, power lost */

/* ---- fault buffer: entries of 64 bytes, ring of a power of two ---- */
#define FG1_FAULT_BYTES 64u
#define FG1_FAULT_W_VA 0u    /* page address | access (bits 1:0) | kind << 4 */
#define FG1_FAULT_W_SPACE 1u /* asid | engine << 32 (SM number; 255 = a channel's virtual copy) */
#define FG1_FAULT_W_ID 2u    /* names the stalled access for FAULT_CANCEL */
#define FG1_FAULT_W_LANES 3u /* lane mask | warp slot << 32 */
#define FG1_FAULT_W_TIME 4u  /* ns */
#define FG1_FAULT_W_CHANNEL 5u
#define FG1_FAULT_W_VALID 7u /* written last: index / entries + 1 (the lap), so no clearing is needed */
#define FG1_FAULT_KIND_SHIFT 4u
#define FG1_FAULT_KIND(w) ((uint32_t)(((w) >> FG1_FAULT_KIND_SHIFT) & 0xf))
#define FG1_FAULT_ACCESS(w) ((uint32_t)((w)&3))
#define FG1_FAULT_NOT_PRESENT 0u
#define FG1_FAULT_PERMISSION 1u
#define FG1_FAULT_POISON 2u
#define FG1_FAULT_BAD_PTE 3u /* reserved bits, misaligned leaf, address outside memory */

/*
 * ---- page tables: four levels of 512 entries (4 KiB each) in host memory; VA bits 47:39, 38:30, 29:21, 20:12.
 *
 *   63      52 51                         12 11    6   5     4     3      2      1     0
 *  +----------+-----------------------------+------+------+------+-----+------+-----+-----+
 *  | must be 0| address bits 51:12          | 0    | CONT | LEAF | DEV | ATOM | WR  | VAL |
 *  +----------+-----------------------------+------+------+------+-----+------+-----+-----+
 *
 * LEAF is set in every entry that maps memory: always at the last level, and for a 2 MiB page at the third.
 * CONT: this entry and its 15 neighbours (index aligned to 16) map one aligned 64 KiB page alike.
 * A table pointer has VAL only. The TLB holds valid entries only; an access that a held entry forbids walks
 * again before it faults, so raising a permission or adding a page needs no invalidate; everything else does.
 */
#define FG1_PTE_VALID (1ull << 0)
#define FG1_PTE_WRITE (1ull << 1)
#define FG1_PTE_ATOMIC (1ull << 2)
#define FG1_PTE_DEVICE (1ull << 3)
#define FG1_PTE_LEAF (1ull << 4)
#define FG1_PTE_CONT (1ull << 5)
#define FG1_PTE_ADDR 0x000ffffffffff000ull
#define FG1_PTE_RESERVED 0xfff0000000000fc0ull
#define FG1_LEVELS 4u
#define FG1_LEVEL_BITS 9u

/* ---- programs: RFC 9669. Helper numbers; arguments in r1.., result in r0, r1-r5 unknown after a call ---- */
enum fg1_helper {
	FG1_HELPER_THREAD_INDEX = 1, /* (dimension 0..2) within the block */
	FG1_HELPER_BLOCK_INDEX = 2,
	FG1_HELPER_BLOCK_SIZE = 3,
	FG1_HELPER_GRID_SIZE = 4,
	FG1_HELPER_GLOBAL_ID = 5,   /* linear number of the thread in the launch */
	FG1_HELPER_GLOBAL_SIZE = 6, /* threads in the launch */
	FG1_HELPER_BARRIER = 7,     /* every live thread of the block arrives before any goes on */
	FG1_HELPER_TRAP = 8,        /* (code) stops the launch */
	FG1_HELPER_ARG = 9,         /* (n) the n-th launch argument; the first five are in r1-r5 at entry */
	FG1_HELPER_FENCE = 10,      /* orders this thread's accesses */
	FG1_HELPER_CLOCK = 11,      /* ns */
	/* 32-bit floats in the low half of a register */
	FG1_HELPER_F32_ADD = 32,
	FG1_HELPER_F32_SUB,
	FG1_HELPER_F32_MUL,
	FG1_HELPER_F32_DIV,
	FG1_HELPER_F32_FMA, /* a * b + c */
	FG1_HELPER_F32_SQRT,
	FG1_HELPER_F32_LT, /* 0 or 1 */
	FG1_HELPER_F32_LE,
	FG1_HELPER_F32_EQ,
	FG1_HELPER_F32_FROM_I64,
	FG1_HELPER_F32_TO_I64, /* toward zero; out of range and NaN give INT64_MIN */
	/* 64-bit floats */
	FG1_HELPER_F64_ADD = 64,
	FG1_HELPER_F64_SUB,
	FG1_HELPER_F64_MUL,
	FG1_HELPER_F64_DIV,
	FG1_HELPER_F64_FMA,
	FG1_HELPER_F64_SQRT,
	FG1_HELPER_F64_LT,
	FG1_HELPER_F64_LE,
	FG1_HELPER_F64_EQ,
	FG1_HELPER_F64_FROM_I64,
	FG1_HELPER_F64_TO_I64,
	FG1_HELPER_F64_FROM_F32,
	FG1_HELPER_F64_TO_F32
};

/* Private memory of each thread: its stack, r10 = FG1_LOCAL_BASE + FG1_LOCAL_BYTES. No other thread sees it. */
#define FG1_LOCAL_BASE 0xffff800000000000ull
#define FG1_LOCAL_BYTES 512u

/* Trap codes from 2^32 up are the device's own; programs use smaller ones. */
#define FG1_TRAP_LOCAL 0x100000000ull    /* outside private memory */
#define FG1_TRAP_ALIGN 0x100000001ull    /* a misaligned atomic */
#define FG1_TRAP_NONCANON 0x100000002ull /* address above the 48-bit space */
#define FG1_TRAP_POWER 0x100000003ull    /* atomics switched off */

#endif /* FERRY_FG1_H */
