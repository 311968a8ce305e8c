/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * object_elf.h - an ELF file of somebody else's, on libelf: what object.c asks of it, and nothing more.
 *
 * libelf reads the structures; object_elf.c decides which of them it believes. Order of trust:
 *
 *     the first bytes     before libelf sees any
 *     the header          what kind of file it is, and that its table of sections lies within
 *     every section       lies within the file; tables are well-formed, and loaded
 *     ------------------  ferry_object_elf_open() ends here: from now on libelf has nothing left to fail at
 *     symbols, relocations: indices and offsets out of them are checked where they are used
 *
 * Locks:   none; one thread only, as libelf loads and converts on first use. object.c closes it before anybody sees
 *          the object.
 * Context: process, may sleep.
 * Errors:  every failure puts one sentence into w, as object.h says.
 */
#ifndef FERRY_LIB_OBJECT_ELF_H
#define FERRY_LIB_OBJECT_ELF_H

#include <gelf.h>

#include "ferry/os.h"

/* Longest piece of a hostile name that a message quotes, with its NUL. */
#define FERRY_OBJECT_QUOTE_BYTES 64u

/* Where a sentence goes; text may be NULL. */
struct ferry_object_why {
	char *text;
	size_t bytes;
};

struct ferry_object_elf {
	uint8_t *image; /* our copy; aligned to 64 */
	size_t bytes;
	Elf *elf;
	size_t section_count;
	size_t names;        /* section of the section names */
	uint32_t looks_left; /* symbols that may still be looked at to find a better name for a message */
};

/* Returns error. */
__attribute__((format(printf, 3, 4))) int ferry_object_fail(const struct ferry_object_why *w, int error,
                                                            const char *fmt, ...);
/* A printable piece of a name that comes from outside. Returns out. */
const char *ferry_object_quote(char out[FERRY_OBJECT_QUOTE_BYTES], const char *name);

/*
 * ferry_object_elf_open() - copy an image and check it
 * @bytes: 0 is an error of the file's; the caller has bounded it
 * @e: written on success only; the caller closes it
 *
 * Return: 0; FERRY_E_PROGRAM_ELF, FERRY_E_PROGRAM_TRUNCATED, FERRY_E_PROGRAM_NOMEM as ferry_object_open() has them.
 */
int ferry_object_elf_open(struct ferry_object_elf *e, const void *image, size_t bytes,
                          const struct ferry_object_why *w) FERRY_MUST_CHECK;
void ferry_object_elf_close(struct ferry_object_elf *e);

/* A section's header; index is below section_count. */
void ferry_object_elf_header(const struct ferry_object_elf *e, size_t index, GElf_Shdr *out);
/* May its bytes be asked for? Not when they are compressed: libelf would make copies, which nobody has bounded. */
bool ferry_object_elf_plain(const GElf_Shdr *s);
/* The bytes of a plain section. Not NULL, but its d_buf is when the section is empty. */
Elf_Data *ferry_object_elf_data(const struct ferry_object_elf *e, size_t index);

/* The one section of this name with bytes in it. 0: there is none; section_count: there are several. */
size_t ferry_object_elf_find(const struct ferry_object_elf *e, const char *name);

/*
 * ferry_object_elf_relocations() - refuse a section that something relocates
 * @what: its name in the message
 *
 * Return: 0 (nothing does); FERRY_E_PROGRAM_RELOC, with what it refers to; FERRY_E_PROGRAM_TRUNCATED (a symbol that
 * is not there); FERRY_E_PROGRAM_ELF (a table without symbols).
 */
int ferry_object_elf_relocations(struct ferry_object_elf *e, size_t section, const char *what,
                                 const struct ferry_object_why *w) FERRY_MUST_CHECK;

#endif /* FERRY_LIB_OBJECT_ELF_H */
