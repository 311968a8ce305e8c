/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * error.h - every way Ferry can say no.
 *
 * One code per failure site: a code in a log names the line that failed. Each has a parent errno, used only at
 * the edge (ioctl, library), and a sentence for people. Functions return 0 or one of these codes (positive);
 * outputs are written on success only.
 *
 * Source: private error codes with an errno parent, as bcachefs does.
 *
 * The numbers cross the ioctl interface (struct ferry_call): from the first release on, new codes come at the end.
 *
 *   name                     errno      sentence
 */
#ifndef FERRY_ERROR_H
#define FERRY_ERROR_H

/* clang-format off */
#define FERRY_ERRORS(x)                                                                                            \
	/* any part */                                                                                             \
	x(INVAL, EINVAL, "an argument is out of its range")                                                        \
	x(NOMEM, ENOMEM, "the host has no memory for this")                                                        \
	x(UNSUPPORTED, EOPNOTSUPP, "this host or device cannot do that")                                           \
	x(BUSY, EBUSY, "the object is in use")                                                                     \
	x(TIMEOUT, ETIMEDOUT, "the wait reached its time limit")                                                   \
	x(KILLED, EINTR, "the waiting thread was told to die")                                                     \
	x(REQUEST, ENOTTY, "no such request")                                                                      \
	x(REQUEST_SIZE, EINVAL, "the request's size is not one this version knows")                                \
	x(REQUEST_FLAGS, EINVAL, "unknown flags, or a reserved field that is not zero")                            \
	x(VERSION, EOPNOTSUPP, "library and driver speak no common version")                                       \
	x(BUG, EIO, "an invariant of the driver is broken; please report it")                                      \
	/* power */                                                                                                \
	x(GATE_CLOSED, EAGAIN, "the driver is suspending; try again after resume")                                 \
	x(GATE_DRAIN_TIMEOUT, EBUSY, "somebody stayed inside the driver while it was closing")                     \
	/* device */                                                                                               \
	x(DEVICE_LOST, ENODEV, "the device died or was removed")                                                   \
	x(DEVICE_ID, ENODEV, "no device of this number")                                                           \
	x(DEVICE_MAGIC, ENODEV, "the device does not identify itself as one this driver knows")                    \
	x(DEVICE_HUNG, EIO, "the device did not finish a command in time")                                         \
	x(DEVICE_TOO_MANY, ENOSPC, "no more devices fit this driver")                                              \
	x(CHANNEL_NOMEM, ENOMEM, "no host memory for a channel's ring")                                            \
	x(CHANNEL_CREATE, EIO, "the device refused a channel")                                                     \
	x(CHANNEL_ERROR, EIO, "the channel stopped on a bad command")                                              \
	x(CHANNEL_FULL, EAGAIN, "the channel's ring stayed full")                                                  \
	x(FAULT_BUFFER_NOMEM, ENOMEM, "no host memory for the fault buffer")                                       \
	x(PAGE_TREE_NOMEM, ENOMEM, "no host memory for a GPU page table")                                          \
	x(PAGE_TREE_RANGE, EINVAL, "the address lies outside the GPU's address space")                             \
	/* device memory */                                                                                        \
	x(PMM_NOMEM, ENOMEM, "no host memory for the device memory manager")                                       \
	x(PMM_SIZE, EINVAL, "device memory comes in 4 KiB, 64 KiB and 2 MiB")                                      \
	x(PMM_FULL, ENOSPC, "device memory is full and nothing in it can be evicted now")                          \
	/* VA space, ranges, blocks */                                                                             \
	x(VA_SPACE_NOMEM, ENOMEM, "no host memory for an address space")                                           \
	x(VA_SPACE_DEAD, EIO, "this address space met an error that cannot be undone")                             \
	x(ASID_FULL, ENOSPC, "the device has no address space left")                                               \
	x(RANGE_ZERO, EINVAL, "the size is zero")                                                                  \
	x(RANGE_ALIGN, EINVAL, "the address or size is not a multiple of the page size")                           \
	x(RANGE_OVERFLOW, EINVAL, "address plus size overflows, or leaves the address space")                      \
	x(RANGE_OVERLAP, EEXIST, "the range overlaps one that is already managed")                                 \
	x(RANGE_NOT_FOUND, EFAULT, "no managed memory at this address")                                            \
	x(RANGE_NOT_START, EINVAL, "the address is not the start of an allocation")                                \
	x(RANGE_NOMEM, ENOMEM, "no host memory for a range")                                                       \
	x(BLOCK_NOMEM, ENOMEM, "no host memory for a block")                                                       \
	x(HOST_FULL, ENOMEM, "the host has no memory to back the pages")                                           \
	x(HOST_MAP, EIO, "the host refused to map its pages for the device")                                       \
	x(HOST_PINNED, EBUSY, "somebody outside holds the pages (direct I/O, a pipe, another driver)")             \
	x(REGISTERED, EOPNOTSUPP, "registered host memory stays where it is, used as it was registered")           \
	x(REGISTER_NOT_FOUND, EINVAL, "no registered memory begins at this address")                               \
	x(REGISTER_NOMEM, ENOMEM, "no host memory to remember registered memory")                                  \
	x(REGISTER_ADDRESS, EFAULT, "not all of it is memory that the process may use in this way")                \
	x(REGISTER_KIND, EOPNOTSUPP, "this kind of memory cannot be registered")                                   \
	x(REGISTER_LIMIT, ENOMEM, "the process may not lock so much memory (RLIMIT_MEMLOCK)")                      \
	x(REGISTER_FULL, ENOSPC, "this host can register no more pieces of memory")                                \
	x(REGISTER_CHANGING, EAGAIN, "the memory's mappings kept changing while it was registered")                \
	x(CPU_ZAP, EIO, "the host refused to take a CPU mapping away")                                             \
	x(CPU_INSERT, EIO, "the host refused a CPU mapping")                                                       \
	x(ADVICE, EINVAL, "unknown advice, or advice that does not fit the place named")                           \
	/* faults */                                                                                               \
	x(FAULT_UNMAPPED, EFAULT, "the GPU touched an address that is not managed memory")                         \
	x(FAULT_READ_ONLY, EACCES, "the GPU wrote to memory it may only read")                                     \
	x(FAULT_POISON, EIO, "the GPU touched device memory with an uncorrectable error")                          \
	x(FAULT_RETRY_LIMIT, EAGAIN, "a fault could not be served within its retry budget")                        \
	/* programs */                                                                                             \
	x(PROGRAM_ELF, ENOEXEC, "not an eBPF object file")                                                         \
	x(PROGRAM_TRUNCATED, ENOEXEC, "the object file ends early, or points outside itself")                      \
	x(PROGRAM_NO_ENTRY, ENOEXEC, "the object file has no FERRY_KERNEL() of this name")                         \
	x(PROGRAM_RELOC, ENOEXEC, "the program uses global data or calls a function that is not a GPU helper")     \
	x(PROGRAM_SIZE, E2BIG, "the program is empty or too long")                                                 \
	x(PROGRAM_OPCODE, ENOEXEC, "the program has an instruction the GPU does not know")                         \
	x(PROGRAM_REGISTER, ENOEXEC, "the program names a register that does not exist or may not be written")     \
	x(PROGRAM_BRANCH, ENOEXEC, "the program jumps outside itself or into the middle of an instruction")        \
	x(PROGRAM_FALLTHROUGH, ENOEXEC, "the program can run past its end")                                        \
	x(PROGRAM_HELPER, ENOEXEC, "the program calls a helper the GPU does not have")                             \
	x(PROGRAM_ID, EINVAL, "no such program")                                                                   \
	x(PROGRAM_ARGS, E2BIG, "the program takes more arguments than a launch can pass")                          \
	x(PROGRAM_NOMEM, ENOMEM, "no memory to load the program")                                                  \
	x(PROGRAM_SLOTS, ENOSPC, "the device holds as many programs as it can")                                    \
	x(LAUNCH_ARGS, EINVAL, "the number of arguments is not what the program declares")                         \
	x(LAUNCH_SHAPE, EINVAL, "the grid or the block is empty or larger than the device runs")                   \
	x(LAUNCH_ID, EINVAL, "no such launch, or its result is no longer kept")                                    \
	x(LAUNCH_TRAP, EIO, "the program stopped itself or ran into an illegal operation")                         \
	x(LAUNCH_KILLED, ECANCELED, "the launch was ended before it finished")                                     \
	x(LAUNCH_BUDGET, ETIMEDOUT, "the program used up its instruction budget")                                  \
	/* hosts and files */                                                                                      \
	x(HOST_UNAVAILABLE, ENODEV, "this host is not available here")                                             \
	x(FOREIGN, EPERM, "the handle belongs to another process")                                                 \
	x(CALL_ADDRESS, EFAULT, "the request's memory cannot be read or written")                                  \
	x(CALL_SIZE, E2BIG, "the request is longer than any can be")                                               \
	x(CALL_NOMEM, ENOMEM, "the driver has no memory to take the request")                                      \
	x(RANGE_NOT_MAPPED, EINVAL, "the range is not a shared mapping of this handle at its own address")         \
	x(FORKED, EOWNERDEAD, "the handle belongs to the parent process")                                          \
	x(UFFD_OPEN, EPERM, "userfaultfd is not available to this process")                                        \
	x(UFFD_FEATURE, EOPNOTSUPP, "the kernel's userfaultfd lacks a feature Ferry needs")                        \
	x(MEMFD, ENOMEM, "no memory file for managed memory")                                                      \
	x(MMAP, ENOMEM, "no address space for managed memory")                                                     \
	x(THREAD, EAGAIN, "no more threads for this process")                                                      \
	x(FILE_OPEN, ENOENT, "the file cannot be opened")                                                          \
	x(FILE_READ, EIO, "the file cannot be read, or changed while it was read")                                 \
	x(FILE_EMPTY, ENODATA, "the file is empty")                                                                \
	x(VERIFY, EBADMSG, "the GPU's result is not what the CPU computes")
/* clang-format on */

enum ferry_error {
	FERRY_OK = 0,
#define x(name, errno_parent, sentence) FERRY_E_##name,
	FERRY_ERRORS(x)
#undef x
		FERRY_ERROR_COUNT
};

#endif /* FERRY_ERROR_H */
