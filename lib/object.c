/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * object.c - see object.h. The file itself is object_elf.c's; this one knows what Ferry puts into it.
 *
 * Nothing of the file outlives ferry_object_open(): names, verdicts and instructions are taken out of it, so that a
 * finished object only holds what does not change any more.
 */
#include "lib/object.h"

#include <stdio.h>
#include <string.h>

#include "ferry/fg1.h"
#include "lib/object_elf.h"

#define INSN_BYTES 8u
#define RECORD_VERSION 1u
#define RECORD_SECTION ".ferry.kernels"
#define CODE_PREFIX "ferry/"
#define NAME_BYTES 56u

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
	int error;      /* what ferry_object_find() says of it, and why */
	char why[FERRY_OBJECT_WHY_BYTES];
};

struct ferry_object {
	uint8_t *code; /* of all kernels that are fit to be loaded; NULL when none is */
	uint32_t count;
	struct kernel kernel[];
};

/* ---- kernels -------------------------------------------------------------------------------------------- */

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

/* The part of a record that is wrong in itself. */
static int record_check(const struct ferry_object *o, const struct record *rec, const struct ferry_object_why *w)
{
	if (!name_ok(rec->name))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "FERRY_KERNEL number %u has no proper name",
		                         o->count);
	if (rec->version != RECORD_VERSION)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "'%s' was built with version %u of ferry/gpu.h",
		                         rec->name, rec->version);
	if (rec->arg_count > FG1_ARGS_MAX)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ARGS, "'%s' takes %u arguments; at most %u can be passed",
		                         rec->name, rec->arg_count, FG1_ARGS_MAX);
	for (uint32_t i = 0; i < o->count; i++) {
		if (!strcmp(o->kernel[i].name, rec->name))
			return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "'%s' is there twice", rec->name);
	}
	return 0;
}

/* May it be loaded? insns: how many there are. */
static int kernel_judge(struct ferry_object_elf *e, struct kernel *k, uint64_t insns)
{
	const struct ferry_object_why w = {k->why, sizeof(k->why)};

	if (!insns)
		return ferry_object_fail(&w, FERRY_E_PROGRAM_SIZE, "'%s' has no instructions", k->name);
	if (insns > FG1_PROGRAM_INSNS_MAX)
		return ferry_object_fail(&w, FERRY_E_PROGRAM_SIZE, "'%s' has %llu instructions; at most %u fit",
		                         k->name, (unsigned long long)insns, FG1_PROGRAM_INSNS_MAX);
	return ferry_object_elf_relocations(e, k->section, k->name, &w);
}

static int kernel_read(struct ferry_object_elf *e, struct ferry_object *o, const struct record *rec,
                       const struct ferry_object_why *w)
{
	struct kernel *k = &o->kernel[o->count];
	char section[sizeof(CODE_PREFIX) + NAME_BYTES];
	GElf_Shdr s;
	int err = record_check(o, rec, w);

	if (err)
		return err;
	snprintf(section, sizeof(section), CODE_PREFIX "%s", rec->name);
	k->section = ferry_object_elf_find(e, section);
	if (!k->section || k->section == e->section_count)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "'%s' has %s code section '%s'", rec->name,
		                         k->section ? "more than one" : "no", section);
	ferry_object_elf_header(e, k->section, &s);
	if (!(s.sh_flags & SHF_EXECINSTR) || !ferry_object_elf_plain(&s) || s.sh_offset % INSN_BYTES ||
	    s.sh_size % INSN_BYTES)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "section '%s' does not hold instructions", section);

	memcpy(k->name, rec->name, sizeof(k->name));
	k->pub.name = k->name;
	k->pub.arg_count = rec->arg_count;
	k->error = kernel_judge(e, k, s.sh_size / INSN_BYTES);
	if (!k->error)
		k->pub.insn_count = (uint32_t)(s.sh_size / INSN_BYTES);
	o->count++;
	return 0;
}

/* The table of records; its size is at least one record's. */
static int records_find(struct ferry_object_elf *e, Elf_Data **out, const struct ferry_object_why *w)
{
	size_t index = ferry_object_elf_find(e, RECORD_SECTION);
	GElf_Shdr s;

	if (!index)
		return ferry_object_fail(w, FERRY_E_PROGRAM_NO_ENTRY, "has no FERRY_KERNEL()");
	if (index == e->section_count)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "has several sections " RECORD_SECTION);
	ferry_object_elf_header(e, index, &s);
	if (!s.sh_size)
		return ferry_object_fail(w, FERRY_E_PROGRAM_NO_ENTRY, "has no FERRY_KERNEL()");
	if (s.sh_size % sizeof(struct record) || !ferry_object_elf_plain(&s))
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "section " RECORD_SECTION " is malformed");
	if (s.sh_size / sizeof(struct record) > FERRY_OBJECT_KERNELS_MAX)
		return ferry_object_fail(w, FERRY_E_PROGRAM_SIZE, "has more than %u FERRY_KERNEL()",
		                         FERRY_OBJECT_KERNELS_MAX);
	*out = ferry_object_elf_data(e, index);
	return ferry_object_elf_relocations(e, index, RECORD_SECTION, w);
}

/* Takes the instructions out of the file. */
static int code_copy(const struct ferry_object_elf *e, struct ferry_object *o, const struct ferry_object_why *w)
{
	size_t total = 0;
	uint8_t *to;

	for (uint32_t i = 0; i < o->count; i++)
		total += o->kernel[i].pub.insn_count * (size_t)INSN_BYTES;
	/* Many sections over the same bytes would make a small file take much memory. */
	if (total > e->bytes)
		return ferry_object_fail(w, FERRY_E_PROGRAM_ELF, "sections of code overlap");
	if (!total)
		return 0;
	o->code = ferry_os_zalloc(total, 0);
	if (!o->code)
		return ferry_object_fail(w, FERRY_E_PROGRAM_NOMEM, "no memory for the instructions");
	to = o->code;
	for (uint32_t i = 0; i < o->count; i++) {
		struct kernel *k = &o->kernel[i];
		size_t bytes = k->pub.insn_count * (size_t)INSN_BYTES;

		if (!bytes)
			continue;
		k->pub.insns = memcpy(to, ferry_object_elf_data(e, k->section)->d_buf, bytes);
		to += bytes;
	}
	return 0;
}

/* ---- open and close ------------------------------------------------------------------------------------- */

static int object_create(struct ferry_object_elf *e, struct ferry_object **out, const struct ferry_object_why *w)
{
	struct ferry_object *o;
	Elf_Data *records = NULL;
	uint32_t count;
	int err = records_find(e, &records, w);

	if (err)
		return err;
	count = (uint32_t)(records->d_size / sizeof(struct record));
	o = ferry_os_zalloc(sizeof(*o) + count * sizeof(o->kernel[0]), 0);
	if (!o)
		return ferry_object_fail(w, FERRY_E_PROGRAM_NOMEM, "no memory for the list of kernels");
	for (uint32_t i = 0; i < count && !err; i++) {
		struct record rec;

		memcpy(&rec, (const uint8_t *)records->d_buf + i * sizeof(rec), sizeof(rec));
		err = kernel_read(e, o, &rec, w);
	}
	if (!err)
		err = code_copy(e, o, w);
	if (err) {
		ferry_os_free(o);
		return err;
	}
	*out = o;
	return 0;
}

int ferry_object_open(const void *image, size_t bytes, struct ferry_object **out, char *why, size_t why_bytes)
{
	const struct ferry_object_why w = {why, why_bytes};
	struct ferry_object_elf e;
	int err;

	ferry_object_fail(&w, 0, "%s", "");
	if (bytes > FERRY_OBJECT_BYTES_MAX)
		return ferry_object_fail(&w, FERRY_E_PROGRAM_SIZE, "is larger than %llu MiB",
		                         FERRY_OBJECT_BYTES_MAX >> 20);
	err = ferry_object_elf_open(&e, image, bytes, &w);
	if (err)
		return err;
	err = object_create(&e, out, &w);
	ferry_object_elf_close(&e);
	return err;
}

void ferry_object_close(struct ferry_object *o)
{
	if (!o)
		return;
	ferry_os_free(o->code);
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

/* ---- find --------------------------------------------------------------------------------------------- */

/* "has 3 kernels: a, b, c; name one", cut where the buffer ends. */
static int several(const struct ferry_object *o, const struct ferry_object_why *w)
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
	return ferry_object_fail(w, FERRY_E_PROGRAM_NO_ENTRY, "has %u kernels: %s; name one", o->count, list);
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
	const struct ferry_object_why w = {why, why_bytes};
	const struct kernel *k;
	char text[FERRY_OBJECT_QUOTE_BYTES];

	ferry_object_fail(&w, 0, "%s", "");
	if (!name && o->count > 1)
		return several(o, &w);
	k = name ? kernel_named(o, name) : &o->kernel[0];
	if (!k)
		return ferry_object_fail(&w, FERRY_E_PROGRAM_NO_ENTRY, "has no FERRY_KERNEL(%s, ...)",
		                         ferry_object_quote(text, name));
	if (k->error)
		return ferry_object_fail(&w, k->error, "%s", k->why);
	*out = &k->pub;
	return 0;
}
