/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* object_elf.c - see object_elf.h. */
#include "lib/object_elf.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INSN_BYTES 8u
/* Symbols looked at, over a whole file, to find better names for messages. */
#define LOOKS_MAX (1u << 20)

int ferry_object_fail(const struct ferry_object_why *w, int error, const char *fmt, ...)
{
	va_list args;

	if (!w->text || !w->bytes)
		return error;
	va_start(args, fmt);
	vsnprintf(w->text, w->bytes, fmt, args);
	va_end(args);
	return error;
}

const char *ferry_object_quote(char out[FERRY_OBJECT_QUOTE_BYTES], const char *name)
{
	size_t n = 0;

	for (; name[n] && n < FERRY_OBJECT_QUOTE_BYTES - 1; n++)
		out[n] = name[n] >= ' ' && name[n] < 0x7f ? name[n] : '?';
	out[n] = 0;
	return out;
}

/* libelf's own codes are not public, malloc's errno is: the caller sets it to 0 before the call that failed. */
static int libelf_failed(const struct ferry_object_why *w)
{
	if (errno == ENOMEM)
		return ferry_object_fail(w, FERRY_E_PROGRAM_NOMEM, "no memory to read the file");
	return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "cannot be read: %s", elf_errmsg(-1));
}

/* ---- is it well-formed? ------------------------------------------------------------------------------------ */

/* What people hand over by mistake, most likely first. */
static int not_elf(const uint8_t *image, size_t bytes, const struct ferry_object_why *w)
{
	if (bytes >= 4 && (!memcmp(image, "BC\xc0\xde", 4) || !memcmp(image, "\xde\xc0\x17\x0b", 4)))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF,
		                         "is LLVM bitcode, not an object file: compile without -emit-llvm and -flto");
	if (bytes >= 8 && !memcmp(image, "!<arch>\n", 8))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "is an archive; give one object file of it");
	return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "is not an ELF object file");
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

static int ident_check(const uint8_t *image, size_t bytes, const struct ferry_object_why *w)
{
	size_t magic = bytes < SELFMAG ? bytes : SELFMAG;

	if (!bytes)
		return ferry_object_fail(w, FERRY_E_PROGRAM_TRUNCATED, "is empty");
	if (memcmp(image, ELFMAG, magic))
		return not_elf(image, bytes, w);
	if (bytes < EI_NIDENT)
		return ferry_object_fail(w, FERRY_E_PROGRAM_TRUNCATED, "ends within the ELF header");
	if (image[EI_CLASS] != ELFCLASS64)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF,
		                         "is not a 64-bit ELF file: compile with clang -target bpf");
	if (image[EI_DATA] != ELFDATA2LSB)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF,
		                         "is big-endian; the GPU is little-endian: compile with -target bpfel");
	if (bytes < sizeof(Elf64_Ehdr))
		return ferry_object_fail(w, FERRY_E_PROGRAM_TRUNCATED, "ends within the ELF header");
	return 0;
}

static int header_check(struct ferry_object_elf *e, const struct ferry_object_why *w)
{
	static const char *const version = "has an ELF header of an unknown version";
	GElf_Ehdr h;

	/* Magic, class and byte order are right, so what libelf did not know is the version. */
	if (elf_kind(e->elf) != ELF_K_ELF || !gelf_getehdr(e->elf, &h))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "%s", version);
	if (h.e_machine != EM_BPF)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF,
		                         "is for %s (machine %u), not eBPF: compile with clang -target bpf",
		                         machine_name(h.e_machine), h.e_machine);
	if (h.e_version != EV_CURRENT || h.e_ehsize != sizeof(Elf64_Ehdr))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "%s", version);
	if (h.e_type != ET_REL)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "is linked; give the object file (clang -c)");
	if (!h.e_shoff || !h.e_shnum || h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shoff % 8)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "has no table of sections, or a malformed one");
	/* libelf takes a table that is cut off for none. */
	if (h.e_shoff > e->bytes || h.e_shnum > (e->bytes - h.e_shoff) / sizeof(Elf64_Shdr))
		return ferry_object_fail(w, FERRY_E_PROGRAM_TRUNCATED, "ends before its table of sections does");
	e->section_count = h.e_shnum;
	e->names = h.e_shstrndx;
	return 0;
}

static bool is_relocations(const GElf_Shdr *s)
{
	return s->sh_type == SHT_REL || s->sh_type == SHT_RELA;
}

static bool is_table(const GElf_Shdr *s)
{
	return s->sh_type == SHT_SYMTAB || is_relocations(s);
}

bool ferry_object_elf_plain(const GElf_Shdr *s)
{
	return (s->sh_type == SHT_PROGBITS || is_table(s)) && !(s->sh_flags & SHF_COMPRESSED);
}

/* A table whose entries, and the sections it refers to, are well-formed. libelf would unpack compressed names. */
static bool table_ok(const GElf_Shdr *s, size_t section_count)
{
	size_t entry = s->sh_type == SHT_SYMTAB ? sizeof(Elf64_Sym) : sizeof(Elf64_Rela);

	if (s->sh_type == SHT_STRTAB)
		return !(s->sh_flags & SHF_COMPRESSED);
	if (!is_table(s))
		return true;
	if (s->sh_type == SHT_REL)
		entry = sizeof(Elf64_Rel);
	if (!ferry_object_elf_plain(s))
		return false;
	if (s->sh_entsize != entry || s->sh_size % entry || s->sh_offset % 8 || s->sh_link >= section_count)
		return false;
	return s->sh_type == SHT_SYMTAB || s->sh_info < section_count;
}

static int section_check(const struct ferry_object_elf *e, size_t index, const GElf_Shdr *s,
                         const struct ferry_object_why *w)
{
	if (s->sh_type == SHT_NULL || s->sh_type == SHT_NOBITS)
		return 0;
	if (s->sh_offset > e->bytes || s->sh_size > e->bytes - s->sh_offset)
		return ferry_object_fail(w, FERRY_E_PROGRAM_TRUNCATED, "section %zu ends beyond the file", index);
	if (!table_ok(s, e->section_count))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "section %zu is a malformed table", index);
	if (s->sh_type == SHT_STRTAB && (!s->sh_size || e->image[s->sh_offset + s->sh_size - 1]))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "section %zu: names without an end", index);
	return 0;
}

/* A table in another byte order than the machine's is converted now, in memory of libelf's own. */
static bool loaded(Elf_Scn *scn, const GElf_Shdr *s)
{
	const Elf_Data *data = elf_getdata(scn, NULL);

	return data && (data->d_buf || !s->sh_size);
}

/* Every section lies within the file, every table is one, what may be used is loaded, every string table ends with a
 * NUL. */
static int sections_check(const struct ferry_object_elf *e, const struct ferry_object_why *w)
{
	uint64_t tables = 0;
	GElf_Shdr s;

	for (size_t i = 0; i < e->section_count; i++) {
		Elf_Scn *scn;
		int err;

		errno = 0;
		scn = elf_getscn(e->elf, i);
		if (!gelf_getshdr(scn, &s))
			return libelf_failed(w);
		err = section_check(e, i, &s, w);
		if (err)
			return err;
		/* Tables over the same bytes again and again would make a small file take hours. */
		tables += is_relocations(&s) ? s.sh_size : 0;
		if (tables > e->bytes)
			return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "tables of relocations overlap");
		if (ferry_object_elf_plain(&s) && !loaded(scn, &s))
			return libelf_failed(w);
	}
	if (e->names >= e->section_count || !gelf_getshdr(elf_getscn(e->elf, e->names), &s) ||
	    s.sh_type != SHT_STRTAB)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "has no table of section names");
	return 0;
}

static void version_init(void)
{
	(void)elf_version(EV_CURRENT); /* the only one there is */
}

/* The image is ours by now. */
static int checked_open(struct ferry_object_elf *e, const struct ferry_object_why *w)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = ident_check(e->image, e->bytes, w);

	if (err)
		return err;
	(void)pthread_once(&once, version_init);
	errno = 0;
	e->elf = elf_memory((char *)e->image, e->bytes);
	if (!e->elf)
		return libelf_failed(w);
	err = header_check(e, w);
	if (!err)
		err = sections_check(e, w);
	if (err)
		(void)elf_end(e->elf);
	return err;
}

int ferry_object_elf_open(struct ferry_object_elf *e, const void *image, size_t bytes,
                          const struct ferry_object_why *w)
{
	struct ferry_object_elf mine = {.bytes = bytes, .looks_left = LOOKS_MAX};
	int err;

	if (!bytes)
		return ident_check(image, 0, w);
	mine.image = ferry_os_zalloc(bytes, 0);
	if (!mine.image)
		return ferry_object_fail(w, FERRY_E_PROGRAM_NOMEM, "no memory for a copy of the file");
	memcpy(mine.image, image, bytes);
	err = checked_open(&mine, w);
	if (err) {
		ferry_os_free(mine.image);
		return err;
	}
	*e = mine;
	return 0;
}

void ferry_object_elf_close(struct ferry_object_elf *e)
{
	(void)elf_end(e->elf);
	ferry_os_free(e->image);
}

/* ---- on checked sections ------------------------------------------------------------------------------------ */

void ferry_object_elf_header(const struct ferry_object_elf *e, size_t index, GElf_Shdr *out)
{
	if (!gelf_getshdr(elf_getscn(e->elf, index), out))
		memset(out, 0, sizeof(*out)); /* SHT_NULL: nothing in it is used */
}

Elf_Data *ferry_object_elf_data(const struct ferry_object_elf *e, size_t index)
{
	return elf_getdata(elf_getscn(e->elf, index), NULL);
}

/* A name out of a string table, "" where there is none. */
static const char *string_at(const struct ferry_object_elf *e, size_t table, size_t offset)
{
	const char *s = elf_strptr(e->elf, table, offset);

	return s ? s : "";
}

static const char *section_name(const struct ferry_object_elf *e, size_t index)
{
	GElf_Shdr s;

	ferry_object_elf_header(e, index, &s);
	return string_at(e, e->names, s.sh_name);
}

size_t ferry_object_elf_find(const struct ferry_object_elf *e, const char *name)
{
	size_t found = 0;

	for (Elf_Scn *scn = elf_nextscn(e->elf, NULL); scn; scn = elf_nextscn(e->elf, scn)) {
		GElf_Shdr s;

		if (!gelf_getshdr(scn, &s) || s.sh_type != SHT_PROGBITS ||
		    strcmp(string_at(e, e->names, s.sh_name), name))
			continue;
		if (found)
			return e->section_count;
		found = elf_ndxscn(scn);
	}
	return found;
}

/* ---- relocations: none is allowed, and the message says what made it ------------------------------------ */

struct relocation {
	uint64_t offset;
	uint32_t type; /* 0: it does nothing */
	GElf_Sym symbol;
	Elf_Data *symbols;
	size_t strings; /* their names */
};

/* The symbol of this type in that section which covers the offset; NULL when none does. */
static const char *symbol_covering(struct ferry_object_elf *e, const struct relocation *rel, uint32_t type,
                                   uint64_t offset)
{
	GElf_Sym y;

	for (int i = 0; e->looks_left && gelf_getsym(rel->symbols, i, &y); i++, e->looks_left--) {
		if (y.st_shndx != rel->symbol.st_shndx || GELF_ST_TYPE(y.st_info) != type)
			continue;
		if (y.st_value == offset || (y.st_value < offset && offset - y.st_value < y.st_size))
			return string_at(e, rel->strings, y.st_name);
	}
	return NULL;
}

/* For a relocation against a whole section, the instruction holds the place within. */
static const char *target_name(struct ferry_object_elf *e, const Elf_Data *code, const struct relocation *rel,
                               bool call)
{
	const char *name = string_at(e, rel->strings, rel->symbol.st_name);
	uint32_t type = GELF_ST_TYPE(rel->symbol.st_info);
	int32_t imm;

	if (name[0] || type != STT_SECTION || rel->offset > code->d_size || code->d_size - rel->offset < INSN_BYTES)
		return name[0] ? name : "?";
	memcpy(&imm, (const uint8_t *)code->d_buf + rel->offset + 4, sizeof(imm));
	if (call)
		name = symbol_covering(e, rel, STT_FUNC, ((uint64_t)(int64_t)imm + 1) * INSN_BYTES);
	else
		name = symbol_covering(e, rel, STT_OBJECT, (uint64_t)(int64_t)imm);
	if (!name)
		name = rel->symbol.st_shndx < e->section_count ? section_name(e, rel->symbol.st_shndx) : "?";
	return name;
}

#ifndef R_BPF_64_32
#define R_BPF_64_32 10
#endif

static int relocation_refuse(struct ferry_object_elf *e, size_t section, const char *what,
                             const struct relocation *rel, const struct ferry_object_why *w)
{
	char text[FERRY_OBJECT_QUOTE_BYTES];
	bool call = rel->type == R_BPF_64_32;

	ferry_object_quote(text, target_name(e, ferry_object_elf_data(e, section), rel, call));
	if (rel->symbol.st_shndx == SHN_UNDEF)
		return ferry_object_fail(w, FERRY_E_PROGRAM_RELOC, "'%s' %s '%s', which is defined nowhere", what,
		                         call ? "calls" : "uses", text);
	if (call)
		return ferry_object_fail(w, FERRY_E_PROGRAM_RELOC, "'%s' calls '%s', which was not inlined", what,
		                         text);
	return ferry_object_fail(w, FERRY_E_PROGRAM_RELOC, "'%s' uses global data '%s'", what, text);
}

/* Entry i of a table of relocations; i is below its count, so the table has it. */
static int relocation_read(const struct ferry_object_elf *e, const GElf_Shdr *table, Elf_Data *data, int i,
                           struct relocation *out, const struct ferry_object_why *w)
{
	GElf_Rela rel = {0};
	GElf_Rel plain = {0};
	GElf_Shdr symbols;

	errno = 0;
	if (table->sh_type == SHT_RELA ? !gelf_getrela(data, i, &rel) : !gelf_getrel(data, i, &plain))
		return libelf_failed(w);
	if (table->sh_type == SHT_REL)
		rel = (GElf_Rela){.r_offset = plain.r_offset, .r_info = plain.r_info};
	out->offset = rel.r_offset;
	out->type = (uint32_t)GELF_R_TYPE(rel.r_info);
	ferry_object_elf_header(e, table->sh_link, &symbols);
	if (symbols.sh_type != SHT_SYMTAB)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "has relocations without symbols");
	out->symbols = ferry_object_elf_data(e, table->sh_link);
	out->strings = symbols.sh_link;
	/* gelf_getsym() takes an int, which the symbol's number may not fit. */
	if (GELF_R_SYM(rel.r_info) >= symbols.sh_size / sizeof(Elf64_Sym) ||
	    !gelf_getsym(out->symbols, (int)GELF_R_SYM(rel.r_info), &out->symbol))
		return ferry_object_fail(w, FERRY_E_PROGRAM_TRUNCATED, "a relocation names symbol %llu of %llu",
		                         (unsigned long long)GELF_R_SYM(rel.r_info),
		                         (unsigned long long)(symbols.sh_size / sizeof(Elf64_Sym)));
	return 0;
}

int ferry_object_elf_relocations(struct ferry_object_elf *e, size_t section, const char *what,
                                 const struct ferry_object_why *w)
{
	for (Elf_Scn *scn = elf_nextscn(e->elf, NULL); scn; scn = elf_nextscn(e->elf, scn)) {
		GElf_Shdr s;

		errno = 0;
		if (!gelf_getshdr(scn, &s))
			return libelf_failed(w);
		if (!is_relocations(&s) || s.sh_info != section)
			continue;
		for (int n = 0; n < (int)(s.sh_size / s.sh_entsize); n++) {
			struct relocation rel;
			int err = relocation_read(e, &s, elf_getdata(scn, NULL), n, &rel, w);

			if (err)
				return err;
			if (rel.type)
				return relocation_refuse(e, section, what, &rel, w);
		}
	}
	return 0;
}
