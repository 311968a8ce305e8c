/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * object.h - reads an eBPF object file: which GPU entries it has, and their instructions.
 *
 * Words:  record = what FERRY_KERNEL() leaves in section ".ferry.kernels"; kernel = a record and the code it names.
 * Shape:
 *
 *     .ferry.kernels    [ char name[56] | u32 arg_count | u32 version ] ...      one per FERRY_KERNEL()
 *     ferry/<name>      instructions of 8 bytes                                  one section each
 *     .rel[a]ferry/<n>  must be empty: the GPU has no linker
 *
 * Files are hostile until proven otherwise. The image is copied first, so that whoever owns it may change it
 * meanwhile; then every header, section, symbol and relocation is checked against the copy's size before it is used
 * (libelf reads them: object_elf.h). The copy ends with ferry_object_open(); what is needed was taken out of it.
 * What the instructions say is the business of the GPU's loader (fg1_program_load).
 *
 * Locks:   none; an object may be read by several threads at once.
 * Context: process, may sleep. Nothing here touches a device.
 * Errors:  a function that can fail puts one sentence about the file into why, always NUL-terminated, as in
 *          "calls 'foo', which was not inlined". why may be NULL.
 */
#ifndef FERRY_LIB_OBJECT_H
#define FERRY_LIB_OBJECT_H

#include "ferry/os.h"

/* Files larger than this are refused: the largest program is half a MiB of instructions. */
#define FERRY_OBJECT_BYTES_MAX (64ull << 20)
/* Entries of one file. */
#define FERRY_OBJECT_KERNELS_MAX 256u
/* A message that quotes a symbol fits in this. */
#define FERRY_OBJECT_WHY_BYTES 192u

struct ferry_object;

struct ferry_object_kernel {
	const char *name;
	uint32_t arg_count;
	uint32_t insn_count;
	const void *insns; /* insn_count * 8 bytes, aligned to 8; NULL and 0 when it is not fit to be loaded */
};

/*
 * ferry_object_open() - check an image and list its kernels
 * @image, @bytes: the file's contents; read once, not kept
 * @out: written on success only; the caller owns it until ferry_object_close()
 *
 * Return: 0;
 * FERRY_E_PROGRAM_ELF (not ELF, not 64 bits, not little-endian eBPF, not relocatable, a malformed header, table or
 * record, sections of code that overlap);
 * FERRY_E_PROGRAM_TRUNCATED (empty, ends early, or something points outside the file);
 * FERRY_E_PROGRAM_NO_ENTRY (no FERRY_KERNEL in it); FERRY_E_PROGRAM_SIZE (over FERRY_OBJECT_BYTES_MAX or
 * FERRY_OBJECT_KERNELS_MAX); FERRY_E_PROGRAM_ARGS (a record with more than FG1_ARGS_MAX); FERRY_E_PROGRAM_NOMEM.
 */
int ferry_object_open(const void *image, size_t bytes, struct ferry_object **out, char *why,
                      size_t why_bytes) FERRY_MUST_CHECK;
/* NULL is allowed. Pointers into the object end here. */
void ferry_object_close(struct ferry_object *object);

/* At least 1. */
uint32_t ferry_object_count(const struct ferry_object *object);
/* index below the count: in the order of the file. Whether it may be loaded, and why not, says ferry_object_find().
 */
const struct ferry_object_kernel *ferry_object_at(const struct ferry_object *object, uint32_t index);

/*
 * ferry_object_find() - a kernel that is fit to be loaded
 * @name: as given to FERRY_KERNEL(); NULL takes the only one
 * @out: written on success only; the object's
 *
 * Return: 0; FERRY_E_PROGRAM_NO_ENTRY (no such name, or NULL and several: why lists them);
 * FERRY_E_PROGRAM_SIZE (no instructions, or over FG1_PROGRAM_INSNS_MAX); FERRY_E_PROGRAM_RELOC (it uses global data,
 * or calls a function: why names it); FERRY_E_PROGRAM_TRUNCATED (a relocation that points outside).
 */
int ferry_object_find(const struct ferry_object *object, const char *name, const struct ferry_object_kernel **out,
                      char *why, size_t why_bytes) FERRY_MUST_CHECK;

#endif /* FERRY_LIB_OBJECT_H */
