/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * elf_builder.h - small ELF files for tests, right until the test breaks them.
 *
 *     elf_init(&b);
 *     code = elf_section(&b, "ferry/one", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, insns, sizeof(insns));
 *     elf_symbol(&b, "one", STT_FUNC, code, 0, sizeof(insns));
 *     size = elf_finish(&b, image, sizeof(image));
 *     ... elf_header(image)->e_machine = EM_386 ...
 *
 * Layout: header, section contents in order, symbols, strings, table of sections (last, as clang does).
 */
#ifndef FERRY_TEST_ELF_BUILDER_H
#define FERRY_TEST_ELF_BUILDER_H

#include <assert.h>
#include <elf.h>
#include <stdint.h>
#include <string.h>

#define ELF_SECTIONS_MAX 24u
#define ELF_SYMBOLS_MAX 24u

struct elf_builder {
	Elf64_Shdr section[ELF_SECTIONS_MAX];
	const void *data[ELF_SECTIONS_MAX];
	uint32_t section_count;
	Elf64_Sym symbol[ELF_SYMBOLS_MAX];
	uint32_t symbol_count;
	char strings[2048];
	uint32_t strings_bytes;
};

enum { ELF_STRTAB = 1, ELF_SYMTAB = 2 };

static inline uint32_t elf_string(struct elf_builder *b, const char *s)
{
	uint32_t at = b->strings_bytes;

	assert(at + strlen(s) + 1 <= sizeof(b->strings));
	memcpy(b->strings + at, s, strlen(s) + 1);
	b->strings_bytes += (uint32_t)strlen(s) + 1;
	return at;
}

static inline uint32_t elf_section(struct elf_builder *b, const char *name, uint32_t type, uint64_t flags,
                                   const void *data, size_t bytes)
{
	Elf64_Shdr *s = &b->section[b->section_count];

	assert(b->section_count < ELF_SECTIONS_MAX);
	s->sh_name = elf_string(b, name);
	s->sh_type = type;
	s->sh_flags = flags;
	s->sh_size = bytes;
	s->sh_addralign = 8;
	b->data[b->section_count] = data;
	return b->section_count++;
}

static inline void elf_init(struct elf_builder *b)
{
	memset(b, 0, sizeof(*b));
	b->strings_bytes = 1;
	b->section_count = 1;
	b->symbol_count = 1;
	(void)elf_section(b, ".strtab", SHT_STRTAB, 0, b->strings, 0);
	(void)elf_section(b, ".symtab", SHT_SYMTAB, 0, b->symbol, 0);
	b->section[ELF_SYMTAB].sh_link = ELF_STRTAB;
	b->section[ELF_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
}

static inline uint32_t elf_symbol(struct elf_builder *b, const char *name, uint32_t type, uint32_t section,
                                  uint64_t value, uint64_t bytes)
{
	Elf64_Sym *y = &b->symbol[b->symbol_count];

	assert(b->symbol_count < ELF_SYMBOLS_MAX);
	y->st_name = name[0] ? elf_string(b, name) : 0;
	y->st_info = ELF64_ST_INFO(STB_LOCAL, type);
	y->st_shndx = (uint16_t)section;
	y->st_value = value;
	y->st_size = bytes;
	return b->symbol_count++;
}

/* A table of relocations for a section; the entries are the caller's and stay alive. */
static inline uint32_t elf_relocations(struct elf_builder *b, uint32_t section, const Elf64_Rel *rel, uint32_t count)
{
	uint32_t index = elf_section(b, ".rel", SHT_REL, 0, rel, count * sizeof(*rel));

	b->section[index].sh_link = ELF_SYMTAB;
	b->section[index].sh_info = section;
	b->section[index].sh_entsize = sizeof(*rel);
	return index;
}

static inline Elf64_Ehdr *elf_header(void *image)
{
	return image;
}

static inline Elf64_Shdr *elf_section_header(void *image, uint32_t index)
{
	return (Elf64_Shdr *)((char *)image + elf_header(image)->e_shoff) + index;
}

/* Lays everything out; image is aligned to 8. Returns the size of the file. */
static inline size_t elf_finish(struct elf_builder *b, void *image, size_t room)
{
	Elf64_Ehdr *h = image;
	size_t at = sizeof(*h);

	b->section[ELF_SYMTAB].sh_size = b->symbol_count * sizeof(Elf64_Sym);
	b->section[ELF_STRTAB].sh_size = b->strings_bytes;
	memset(image, 0, room);
	for (uint32_t i = 1; i < b->section_count; i++) {
		Elf64_Shdr *s = &b->section[i];

		at = (at + 7) & ~(size_t)7;
		s->sh_offset = at;
		assert(at + s->sh_size <= room);
		if (s->sh_size)
			memcpy((char *)image + at, b->data[i], s->sh_size);
		at += s->sh_size;
	}
	at = (at + 7) & ~(size_t)7;
	assert(at + b->section_count * sizeof(Elf64_Shdr) <= room);
	memcpy((char *)image + at, b->section, b->section_count * sizeof(Elf64_Shdr));

	memcpy(h->e_ident, ELFMAG, SELFMAG);
	h->e_ident[EI_CLASS] = ELFCLASS64;
	h->e_ident[EI_DATA] = ELFDATA2LSB;
	h->e_ident[EI_VERSION] = EV_CURRENT;
	h->e_type = ET_REL;
	h->e_machine = EM_BPF;
	h->e_version = EV_CURRENT;
	h->e_shoff = at;
	h->e_ehsize = sizeof(*h);
	h->e_shentsize = sizeof(Elf64_Shdr);
	h->e_shnum = (uint16_t)b->section_count;
	h->e_shstrndx = ELF_STRTAB;
	return at + b->section_count * sizeof(Elf64_Shdr);
}

#endif /* FERRY_TEST_ELF_BUILDER_H */
