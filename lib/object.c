/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * object.c - see object.h.
 *
 * Order of trust: header_check() and sections_check() read the copy with memcpy and arithmetic that cannot overflow.
 * What stands below them may take sections as they come; every index out of a symbol or a relocation is checked where
 * it is used.
 *
 * Why not libelf: all bounds must be checked here anyway, and then a string lookup is all that would be left for it.
 */
#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ferry/fg1.h"
#include "lib/object.h"

#define INSN_BYTES 8u
#define RECORD_VERSION 1u
#define RECORD_SECTION ".ferry.kernels"
#define CODE_PREFIX "ferry/"
#define NAME_BYTES 56u
/* Longest piece of a hostile name that a message quotes. */
#define QUOTE_BYTES 64u

/* As struct ferry_gpu_kernel_record of ferry/gpu.h. */
struct record {
	char name[NAME_BYTES];
	uint32_t arg_count;
	uint32_t version;
};
_Static_assert(sizeof(struct record) == 64, "the layout is shared with ferry/gpu.h");

struct kernel {
	struct ferry_object_kernel pub;
	char name[NAME_BYTES];
	size_t section; /* its code */
};

struct ferry_object {
	uint8_t *image; /* the copy; aligned to 64 */
	size_t bytes;
	uint32_t section_count;
	size_t names; /* section of the section names */
	uint32_t count;
	struct kernel kernel[];
};

__attribute__((format(printf, 4, 5))) static int fail(int error, char *why, size_t why_bytes, const char *fmt, ...)
{
	va_list args;

	if (!why || !why_bytes)
		return error;
	va_start(args, fmt);
	vsnprintf(why, why_bytes, fmt, args);
	va_end(args);
	return error;
}

/* ---- is it well-formed? ------------------------------------------------------------------------------------ */

/* What people hand over by mistake, most likely first. */
static int not_elf(const uint8_t *image, size_t bytes, char *why, size_t why_bytes)
{
	if (bytes >= 4 && (!memcmp(image, "BC\xc0\xde", 4) || !memcmp(image, "\xde\xc0\x17\x0b", 4)))
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes,
		            "is LLVM bitcode, not an object file: compile without -emit-llvm and -flto");
	if (bytes >= 8 && !memcmp(image, "!<arch>\n", 8))
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "is an archive; give one object file of it");
	return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "is not an ELF object file");
}

static const char *machine_name(uint32_t machine)
{
	switch (machine) {
	case EM_386:
		return "32-bit x86";
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "64-bit Arm";
	case EM_ARM:
		return "32-bit Arm";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "64-bit PowerPC";
	case EM_S390:
		return "s390";
	default:
		return "another machine";
	}
}

static int header_check(const uint8_t *image, size_t bytes, char *why, size_t why_bytes)
{
	size_t ident = bytes < SELFMAG ? bytes : SELFMAG;
	Elf64_Ehdr h;

	if (!bytes)
		return fail(FERRY_E_PROGRAM_TRUNCATED, why, why_bytes, "is empty");
	if (memcmp(image, ELFMAG, ident))
		return not_elf(image, bytes, why, why_bytes);
	if (bytes < EI_NIDENT)
		return fail(FERRY_E_PROGRAM_TRUNCATED, why, why_bytes, "ends within the ELF header");
	if (image[EI_CLASS] != ELFCLASS64)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes,
		            "is not a 64-bit ELF file: compile with clang -target bpf");
	if (image[EI_DATA] != ELFDATA2LSB)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes,
		            "is big-endian; the GPU is little-endian: compile with -target bpfel");
	if (bytes < sizeof(h))
		return fail(FERRY_E_PROGRAM_TRUNCATED, why, why_bytes, "ends within the ELF header");
	memcpy(&h, image, sizeof(h));
	if (h.e_machine != EM_BPF)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes,
		            "is for %s (machine %u), not eBPF: compile with clang -target bpf",
		            machine_name(h.e_machine), h.e_machine);
	if (image[EI_VERSION] != EV_CURRENT || h.e_version != EV_CURRENT || h.e_ehsize != sizeof(h))
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "has an ELF header of an unknown version");
	if (h.e_type != ET_REL)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "is linked; give the object file (clang -c)");
	if (!h.e_shoff || !h.e_shnum || h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shoff % 8)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "has no table of sections, or a malformed one");
	if (h.e_shoff > bytes || h.e_shnum > (bytes - h.e_shoff) / sizeof(Elf64_Shdr))
		return fail(FERRY_E_PROGRAM_TRUNCATED, why, why_bytes, "ends before its table of sections does");
	return 0;
}

static void section_read(const uint8_t *image, size_t index, Elf64_Shdr *out)
{
	Elf64_Ehdr h;

	memcpy(&h, image, sizeof(h));
	memcpy(out, image + h.e_shoff + index * sizeof(*out), sizeof(*out));
}

/* A table whose entries, and the sections it refers to, are well-formed. */
static bool table_ok(const Elf64_Shdr *s, uint32_t section_count)
{
	size_t entry;

	switch (s->sh_type) {
	case SHT_SYMTAB:
		entry = sizeof(Elf64_Sym);
		break;
	case SHT_REL:
		entry = sizeof(Elf64_Rel);
		break;
	case SHT_RELA:
		entry = sizeof(Elf64_Rela);
		break;
	default:
		return true;
	}
	if (s->sh_entsize != entry || s->sh_size % entry || s->sh_offset % 8 || s->sh_link >= section_count)
		return false;
	return s->sh_type == SHT_SYMTAB || s->sh_info < section_count;
}

/* Every section lies within the file, every table is one, every string table ends with a NUL. */
static int sections_check(const uint8_t *image, size_t bytes, char *why, size_t why_bytes)
{
	uint64_t tables = 0;
	Elf64_Ehdr h;
	Elf64_Shdr s;

	memcpy(&h, image, sizeof(h));
	for (size_t i = 0; i < h.e_shnum; i++) {
		section_read(image, i, &s);
		if (s.sh_type == SHT_NULL || s.sh_type == SHT_NOBITS)
			continue;
		if (s.sh_offset > bytes || s.sh_size > bytes - s.sh_offset)
			return fail(FERRY_E_PROGRAM_TRUNCATED, why, why_bytes, "section %zu ends beyond the file", i);
		if (!table_ok(&s, h.e_shnum))
			return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "section %zu is a malformed table", i);
		if (s.sh_type == SHT_STRTAB && (!s.sh_size || image[s.sh_offset + s.sh_size - 1]))
			return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "section %zu: names without an end", i);
		/* Tables over the same bytes again and again would make a small file take hours. */
		tables += s.sh_type == SHT_REL || s.sh_type == SHT_RELA ? s.sh_size : 0;
		if (tables > bytes)
			return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "tables of relocations overlap");
	}
	if (h.e_shstrndx >= h.e_shnum)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "has no table of section names");
	section_read(image, h.e_shstrndx, &s);
	if (s.sh_type != SHT_STRTAB)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "has no table of section names");
	return 0;
}

/* ---- on a checked copy ------------------------------------------------------------------- */

/* A name out of a string table, "" where there is none. */
static const char *string_at(const struct ferry_object *o, size_t table, size_t offset)
{
	Elf64_Shdr s;

	if (table >= o->section_count)
		return "";
	section_read(o->image, table, &s);
	if (s.sh_type != SHT_STRTAB || offset >= s.sh_size)
		return "";
	return (const char *)o->image + s.sh_offset + offset; /* ends within: sections_check() saw the last NUL */
}

static const char *section_name(const struct ferry_object *o, size_t index)
{
	Elf64_Shdr s;

	section_read(o->image, index, &s);
	return string_at(o, o->names, s.sh_name);
}

/* The one section of this name with bytes in it. 0: there is none; section_count: there are several. */
static size_t section_find(const struct ferry_object *o, const char *name)
{
	size_t found = 0;

	for (size_t i = 1; i < o->section_count; i++) {
		Elf64_Shdr s;

		section_read(o->image, i, &s);
		if (s.sh_type != SHT_PROGBITS || strcmp(section_name(o, i), name))
			continue;
		if (found)
			return o->section_count;
		found = i;
	}
	return found;
}

/* Names come from the file: only what C allows in one gets through, so they are safe to print. */
static bool name_ok(const char name[NAME_BYTES])
{
	if (!memchr(name, 0, NAME_BYTES) || !name[0])
		return false;
	for (const char *c = name; *c; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';

		if (!letter && !(c != name && *c >= '0' && *c <= '9'))
			return false;
	}
	return true;
}

static int kernel_read(struct ferry_object *o, const struct record *r, char *why, size_t why_bytes)
{
	struct kernel *k = &o->kernel[o->count];
	char section[sizeof(CODE_PREFIX) + NAME_BYTES];
	Elf64_Shdr s;

	if (!name_ok(r->name))
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "FERRY_KERNEL number %u has no proper name",
		            o->count);
	if (r->version != RECORD_VERSION)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "'%s' was built with version %u of ferry/gpu.h",
		            r->name, r->version);
	if (r->arg_count > FG1_ARGS_MAX)
		return fail(FERRY_E_PROGRAM_ARGS, why, why_bytes, "'%s' takes %u arguments; at most %u can be passed",
		            r->name, r->arg_count, FG1_ARGS_MAX);
	for (uint32_t i = 0; i < o->count; i++) {
		if (!strcmp(o->kernel[i].name, r->name))
			return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "'%s' is there twice", r->name);
	}
	snprintf(section, sizeof(section), CODE_PREFIX "%s", r->name);
	k->section = section_find(o, section);
	if (!k->section || k->section == o->section_count)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "'%s' has %s code section '%s'", r->name,
		            k->section ? "more than one" : "no", section);
	section_read(o->image, k->section, &s);
	if (!(s.sh_flags & SHF_EXECINSTR) || s.sh_offset % INSN_BYTES || s.sh_size % INSN_BYTES)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "section '%s' does not hold instructions", section);

	memcpy(k->name, r->name, sizeof(k->name));
	k->pub.name = k->name;
	k->pub.arg_count = r->arg_count;
	k->pub.insns = o->image + s.sh_offset;
	/* At most FERRY_OBJECT_BYTES_MAX / 8. */
	k->pub.insn_count = (uint32_t)(s.sh_size / INSN_BYTES);
	o->count++;
	return 0;
}

static int relocation_check(const struct ferry_object *o, size_t section, const char *what, char *why,
                            size_t why_bytes);

static int kernels_read(struct ferry_object *o, const Elf64_Shdr *records, char *why, size_t why_bytes)
{
	for (uint64_t at = 0; at < records->sh_size; at += sizeof(struct record)) {
		struct record r;
		int err;

		memcpy(&r, o->image + records->sh_offset + at, sizeof(r));
		err = kernel_read(o, &r, why, why_bytes);
		if (err)
			return err;
	}
	return 0;
}

/* How many records there are, for the allocation; o is good enough to look sections up. */
static int records_find(const struct ferry_object *o, Elf64_Shdr *out, char *why, size_t why_bytes)
{
	size_t index = section_find(o, RECORD_SECTION);

	if (!index)
		return fail(FERRY_E_PROGRAM_NO_ENTRY, why, why_bytes, "has no FERRY_KERNEL()");
	if (index == o->section_count)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "has several sections " RECORD_SECTION);
	section_read(o->image, index, out);
	if (!out->sh_size)
		return fail(FERRY_E_PROGRAM_NO_ENTRY, why, why_bytes, "has no FERRY_KERNEL()");
	if (out->sh_size % sizeof(struct record))
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "section " RECORD_SECTION " is malformed");
	if (out->sh_size / sizeof(struct record) > FERRY_OBJECT_KERNELS_MAX)
		return fail(FERRY_E_PROGRAM_SIZE, why, why_bytes, "has more than %u FERRY_KERNEL()",
		            FERRY_OBJECT_KERNELS_MAX);
	return relocation_check(o, index, RECORD_SECTION, why, why_bytes);
}

int ferry_object_open(const void *image, size_t bytes, struct ferry_object **out, char *why, size_t why_bytes)
{
	struct ferry_object probe = {0};
	struct ferry_object *o;
	Elf64_Shdr records;
	Elf64_Ehdr h;
	int err;

	fail(0, why, why_bytes, "%s", "");
	if (bytes > FERRY_OBJECT_BYTES_MAX)
		return fail(FERRY_E_PROGRAM_SIZE, why, why_bytes, "is larger than %llu MiB",
		            FERRY_OBJECT_BYTES_MAX >> 20);
	if (!bytes)
		return header_check(image, 0, why, why_bytes);
	probe.bytes = bytes;
	probe.image = ferry_os_zalloc(bytes, 0);
	if (!probe.image)
		return fail(FERRY_E_PROGRAM_NOMEM, why, why_bytes, "no memory for a copy of the file");
	memcpy(probe.image, image, bytes);

	err = header_check(probe.image, bytes, why, why_bytes);
	if (!err)
		err = sections_check(probe.image, bytes, why, why_bytes);
	if (err)
		goto free_image;
	memcpy(&h, probe.image, sizeof(h));
	probe.section_count = h.e_shnum;
	probe.names = h.e_shstrndx;
	err = records_find(&probe, &records, why, why_bytes);
	if (err)
		goto free_image;

	o = ferry_os_zalloc(sizeof(*o) + records.sh_size / sizeof(struct record) * sizeof(o->kernel[0]), 0);
	if (!o) {
		err = fail(FERRY_E_PROGRAM_NOMEM, why, why_bytes, "no memory for the list of kernels");
		goto free_image;
	}
	*o = probe;
	err = kernels_read(o, &records, why, why_bytes);
	if (err)
		goto free_object;
	*out = o;
	return 0;

free_object:
	ferry_os_free(o);
free_image:
	ferry_os_free(probe.image);
	return err;
}

void ferry_object_close(struct ferry_object *o)
{
	if (!o)
		return;
	ferry_os_free(o->image);
	ferry_os_free(o);
}

uint32_t ferry_object_count(const struct ferry_object *o)
{
	return o->count;
}

const struct ferry_object_kernel *ferry_object_at(const struct ferry_object *o, uint32_t index)
{
	return index < o->count ? &o->kernel[index].pub : NULL;
}

/* ---- relocations: none is allowed, and the message says what made it ------------------------------------ */

struct relocation {
	uint64_t offset;
	uint32_t type;
	Elf64_Sym symbol;
	size_t symbols; /* the symbol table */
	size_t strings; /* its names */
};

/* A printable piece of a name that comes from the file. */
static const char *quote(char out[QUOTE_BYTES], const char *name)
{
	size_t n = 0;

	for (; name[n] && n < QUOTE_BYTES - 1; n++)
		out[n] = name[n] >= ' ' && name[n] < 0x7f ? name[n] : '?';
	out[n] = 0;
	return out;
}

static void symbol_read(const struct ferry_object *o, size_t table, size_t index, Elf64_Sym *out)
{
	Elf64_Shdr s;

	section_read(o->image, table, &s);
	memcpy(out, o->image + s.sh_offset + index * sizeof(*out), sizeof(*out));
}

/* The symbol of this type in that section which covers the offset; NULL when none does. */
static const char *symbol_covering(const struct ferry_object *o, const struct relocation *r, uint32_t type,
                                   uint64_t offset)
{
	Elf64_Shdr s;

	section_read(o->image, r->symbols, &s);
	for (size_t i = 0; i < s.sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym y;

		symbol_read(o, r->symbols, i, &y);
		if (y.st_shndx != r->symbol.st_shndx || ELF64_ST_TYPE(y.st_info) != type)
			continue;
		if (y.st_value == offset || (y.st_value < offset && offset - y.st_value < y.st_size))
			return string_at(o, r->strings, y.st_name);
	}
	return NULL;
}

/* For a relocation against a whole section, the instruction holds the place within. */
static const char *target_name(const struct ferry_object *o, const Elf64_Shdr *code, const struct relocation *r,
                               bool call)
{
	const char *name = string_at(o, r->strings, r->symbol.st_name);
	uint32_t type = ELF64_ST_TYPE(r->symbol.st_info);
	int32_t imm;

	if (name[0] || type != STT_SECTION || r->offset > code->sh_size || code->sh_size - r->offset < INSN_BYTES)
		return name[0] ? name : "?";
	memcpy(&imm, o->image + code->sh_offset + r->offset + 4, sizeof(imm));
	if (call)
		name = symbol_covering(o, r, STT_FUNC, ((uint64_t)(int64_t)imm + 1) * INSN_BYTES);
	else
		name = symbol_covering(o, r, STT_OBJECT, (uint64_t)(int64_t)imm);
	if (!name)
		name = r->symbol.st_shndx < o->section_count ? section_name(o, r->symbol.st_shndx) : "?";
	return name;
}

#ifndef R_BPF_64_32
#define R_BPF_64_32 10
#endif

static int relocation_refuse(const struct ferry_object *o, size_t section, const char *what,
                             const struct relocation *r, char *why, size_t why_bytes)
{
	char text[QUOTE_BYTES];
	bool call = r->type == R_BPF_64_32;
	Elf64_Shdr code;

	section_read(o->image, section, &code);
	quote(text, target_name(o, &code, r, call));
	if (r->symbol.st_shndx == SHN_UNDEF)
		return fail(FERRY_E_PROGRAM_RELOC, why, why_bytes, "'%s' %s '%s', which is defined nowhere", what,
		            call ? "calls" : "uses", text);
	if (call)
		return fail(FERRY_E_PROGRAM_RELOC, why, why_bytes, "'%s' calls '%s', which was not inlined", what,
		            text);
	return fail(FERRY_E_PROGRAM_RELOC, why, why_bytes, "'%s' uses global data '%s'", what, text);
}

/* Entry i of a table of relocations; r->type 0: one that does nothing. */
static int relocation_read(const struct ferry_object *o, const Elf64_Shdr *table, uint64_t i, struct relocation *r,
                           char *why, size_t why_bytes)
{
	size_t entry = table->sh_type == SHT_REL ? sizeof(Elf64_Rel) : sizeof(Elf64_Rela);
	Elf64_Shdr symbols;
	Elf64_Rel rel; /* a Elf64_Rela begins like it */

	memcpy(&rel, o->image + table->sh_offset + i * entry, sizeof(rel));
	r->offset = rel.r_offset;
	r->type = (uint32_t)ELF64_R_TYPE(rel.r_info);
	r->symbols = table->sh_link;
	section_read(o->image, r->symbols, &symbols);
	r->strings = symbols.sh_link;
	if (symbols.sh_type != SHT_SYMTAB)
		return fail(FERRY_E_PROGRAM_ELF, why, why_bytes, "has relocations without symbols");
	if (ELF64_R_SYM(rel.r_info) >= symbols.sh_size / sizeof(Elf64_Sym))
		return fail(FERRY_E_PROGRAM_TRUNCATED, why, why_bytes, "a relocation names symbol %llu of %llu",
		            (unsigned long long)ELF64_R_SYM(rel.r_info),
		            (unsigned long long)(symbols.sh_size / sizeof(Elf64_Sym)));
	symbol_read(o, r->symbols, ELF64_R_SYM(rel.r_info), &r->symbol);
	return 0;
}

/* 0 when nothing relocates the section; what is its name in the message. */
static int relocation_check(const struct ferry_object *o, size_t section, const char *what, char *why,
                            size_t why_bytes)
{
	for (size_t i = 1; i < o->section_count; i++) {
		Elf64_Shdr s;

		section_read(o->image, i, &s);
		if ((s.sh_type != SHT_REL && s.sh_type != SHT_RELA) || s.sh_info != section)
			continue;
		for (uint64_t n = 0; n < s.sh_size / s.sh_entsize; n++) {
			struct relocation r;
			int err = relocation_read(o, &s, n, &r, why, why_bytes);

			if (err)
				return err;
			if (r.type)
				return relocation_refuse(o, section, what, &r, why, why_bytes);
		}
	}
	return 0;
}

/* ---- find --------------------------------------------------------------------------------------------- */

/* "has 3 kernels: a, b, c; name one", cut where the buffer ends. */
static int several(const struct ferry_object *o, char *why, size_t why_bytes)
{
	char list[FERRY_OBJECT_WHY_BYTES / 2];
	size_t used = 0;

	for (uint32_t i = 0; i < o->count; i++) {
		int n = snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", o->kernel[i].name);

		if (n < 0 || (size_t)n >= sizeof(list) - used) {
			memcpy(list + sizeof(list) - 4, "...", 4);
			break;
		}
		used += (size_t)n;
	}
	return fail(FERRY_E_PROGRAM_NO_ENTRY, why, why_bytes, "has %u kernels: %s; name one", o->count, list);
}

static const struct kernel *kernel_named(const struct ferry_object *o, const char *name)
{
	for (uint32_t i = 0; i < o->count; i++) {
		if (!strcmp(o->kernel[i].name, name))
			return &o->kernel[i];
	}
	return NULL;
}

int ferry_object_find(const struct ferry_object *o, const char *name, const struct ferry_object_kernel **out,
                      char *why, size_t why_bytes)
{
	const struct kernel *k;
	char text[QUOTE_BYTES];
	int err;

	fail(0, why, why_bytes, "%s", "");
	if (!name && o->count > 1)
		return several(o, why, why_bytes);
	k = name ? kernel_named(o, name) : &o->kernel[0];
	if (!k)
		return fail(FERRY_E_PROGRAM_NO_ENTRY, why, why_bytes, "has no FERRY_KERNEL(%s, ...)",
		            quote(text, name));
	if (!k->pub.insn_count)
		return fail(FERRY_E_PROGRAM_SIZE, why, why_bytes, "'%s' has no instructions", k->name);
	if (k->pub.insn_count > FG1_PROGRAM_INSNS_MAX)
		return fail(FERRY_E_PROGRAM_SIZE, why, why_bytes, "'%s' has %u instructions; at most %u fit", k->name,
		            k->pub.insn_count, FG1_PROGRAM_INSNS_MAX);
	err = relocation_check(o, k->section, k->name, why, why_bytes);
	if (err)
		return err;
	*out = &k->pub;
	return 0;
}
