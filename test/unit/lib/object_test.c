/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: lib/object.c lib/object_elf.c */
/*
 * object_test.c - what the reader of object files takes, what it refuses, and what it says then.
 *
 * Most files are built here, byte by byte, so that each is wrong in one way only. Real ones, from clang, are read by
 * test/unit/programs.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>

#include "ferry/fg1.h"
#include "ferry/os.h"
#include "lib/object.h"
#include "test/unit/lib/elf_builder.h"

#define FLAGS_CODE (SHF_ALLOC | SHF_EXECINSTR)
#define R_DATA 1u  /* R_BPF_64_64 */
#define R_CALL 10u /* R_BPF_64_32 */

struct record {
	char name[56];
	uint32_t arg_count, version;
};

/* mov r0, 0; exit */
static const uint64_t code_two[2] = {0x00000000000000b7, 0x0000000000000095};

/* A file with two kernels, "one" (1 argument) and "two" (2), each of two instructions. */
struct good {
	struct elf_builder b;
	struct record records[2];
	uint64_t code[2][2];
	uint32_t code_section[2], record_section;
	uint64_t image[1024];
	size_t bytes;
	char why[FERRY_OBJECT_WHY_BYTES];
	struct ferry_object *object;
};

static void good_start(struct good *g)
{
	static const char *const names[2] = {"one", "two"};

	memset(g, 0, sizeof(*g));
	elf_init(&g->b);
	for (uint32_t i = 0; i < 2; i++) {
		char section[64];

		memcpy(g->code[i], code_two, sizeof(code_two));
		snprintf(section, sizeof(section), "ferry/%s", names[i]);
		snprintf(g->records[i].name, sizeof(g->records[i].name), "%s", names[i]);
		g->records[i].arg_count = i + 1;
		g->records[i].version = 1;
		g->code_section[i] =
			elf_section(&g->b, section, SHT_PROGBITS, FLAGS_CODE, g->code[i], sizeof(code_two));
		(void)elf_symbol(&g->b, names[i], STT_FUNC, g->code_section[i], 0, sizeof(code_two));
	}
	g->record_section =
		elf_section(&g->b, ".ferry.kernels", SHT_PROGBITS, SHF_ALLOC, g->records, sizeof(g->records));
}

static void good_finish(struct good *g)
{
	g->bytes = elf_finish(&g->b, g->image, sizeof(g->image));
}

/* A complete one, for tests that break it afterwards. */
static struct good *good_new(void)
{
	struct good *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	good_start(g);
	good_finish(g);
	return g;
}

static int open_it(struct good *g)
{
	g->object = (void *)1;
	memset(g->why, '#', sizeof(g->why));
	return ferry_object_open(g->image, g->bytes, &g->object, g->why, sizeof(g->why));
}

/* The file is refused with this code, the message contains this, and nothing was written. */
static void refused(struct good *g, int error, const char *part)
{
	assert_int_equal(open_it(g), error);
	assert_ptr_equal(g->object, (void *)1);
	if (!strstr(g->why, part))
		fail_msg("'%s' does not say '%s'", g->why, part);
}

/* The file opens, but this kernel is refused. */
static void find_refused(struct good *g, const char *name, int error, const char *part)
{
	const struct ferry_object_kernel *k = (void *)1;

	assert_int_equal(open_it(g), 0);
	assert_int_equal(ferry_object_find(g->object, name, &k, g->why, sizeof(g->why)), error);
	assert_ptr_equal(k, (void *)1);
	if (!strstr(g->why, part))
		fail_msg("'%s' does not say '%s'", g->why, part);
	ferry_object_close(g->object);
}

/*
 * Goal: a proper file gives its kernels in order, with their arguments and code. Method: two kernels; compare all.
 */
static void a_good_file_lists_its_kernels(void **unused)
{
	struct good *g = good_new();
	const struct ferry_object_kernel *k;

	(void)unused;
	assert_int_equal(open_it(g), 0);
	assert_string_equal(g->why, "");
	assert_uint_equal(ferry_object_count(g->object), 2);
	assert_string_equal(ferry_object_at(g->object, 0)->name, "one");
	assert_string_equal(ferry_object_at(g->object, 1)->name, "two");
	assert_null(ferry_object_at(g->object, 2));
	assert_int_equal(ferry_object_find(g->object, "two", &k, g->why, sizeof(g->why)), 0);
	assert_uint_equal(k->arg_count, 2);
	assert_uint_equal(k->insn_count, 2);
	assert_uint_equal((uintptr_t)k->insns % 8, 0);
	assert_memory_equal(k->insns, code_two, sizeof(code_two));
	ferry_object_close(g->object);
	free(g);
}

/*
 * Goal: the image is copied, so its owner may overwrite it. Method: open, wipe the image, look at the code.
 */
static void the_image_is_not_kept(void **unused)
{
	struct good *g = good_new();
	const struct ferry_object_kernel *k;

	(void)unused;
	assert_int_equal(open_it(g), 0);
	memset(g->image, 0xff, sizeof(g->image));
	assert_int_equal(ferry_object_find(g->object, "one", &k, NULL, 0), 0);
	assert_memory_equal(k->insns, code_two, sizeof(code_two));
	assert_string_equal(k->name, "one");
	ferry_object_close(g->object);
	free(g);
}

/*
 * Goal: without a name the only kernel is meant, and several are an error that lists them. Method: both files.
 */
static void no_name_means_the_only_kernel(void **unused)
{
	struct good *g = good_new();
	const struct ferry_object_kernel *k;

	(void)unused;
	find_refused(g, NULL, FERRY_E_PROGRAM_NO_ENTRY, "2 kernels: one, two");
	find_refused(g, "three", FERRY_E_PROGRAM_NO_ENTRY, "FERRY_KERNEL(three");
	elf_section_header(g->image, g->record_section)->sh_size = sizeof(struct record);
	assert_int_equal(open_it(g), 0);
	assert_int_equal(ferry_object_find(g->object, NULL, &k, NULL, 0), 0);
	assert_string_equal(k->name, "one");
	ferry_object_close(g->object);
	free(g);
}

/*
 * Goal: foreign files are refused with a sentence that says what they are. Method: one header field at a time.
 */
static void foreign_files_are_named(void **unused)
{
	static const struct {
		uint32_t offset;
		uint8_t value;
		const char *says;
	} cases[] = {
		{EI_CLASS, ELFCLASS32, "64-bit"},
		{EI_DATA, ELFDATA2MSB, "big-endian"},
		{EI_VERSION, 9, "unknown version"},
		{offsetof(Elf64_Ehdr, e_machine), EM_X86_64, "x86-64"},
		{offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, "Arm"},
		{offsetof(Elf64_Ehdr, e_machine), 1, "another machine (machine 1)"},
		{offsetof(Elf64_Ehdr, e_type), ET_EXEC, "linked"},
		{offsetof(Elf64_Ehdr, e_type), ET_DYN, "linked"},
		{offsetof(Elf64_Ehdr, e_shentsize), 40, "table of sections"},
		{offsetof(Elf64_Ehdr, e_shnum), 0, "table of sections"},
		{offsetof(Elf64_Ehdr, e_shstrndx), 99, "section names"},
		{offsetof(Elf64_Ehdr, e_shstrndx), ELF_SYMTAB, "section names"},
		{0, 'M', "not an ELF"},
	};

	(void)unused;
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(cases); i++) {
		struct good *g = good_new();

		((uint8_t *)g->image)[cases[i].offset] = cases[i].value;
		if (cases[i].offset == offsetof(Elf64_Ehdr, e_machine))
			((uint8_t *)g->image)[cases[i].offset + 1] = 0;
		refused(g, FERRY_E_PROGRAM_ELF, cases[i].says);
		free(g);
	}
}

/*
 * Goal: what people hand over by mistake gets a hint. Method: the first bytes of bitcode, of an archive, of C.
 */
static void common_mistakes_get_a_hint(void **unused)
{
	struct good *g = good_new();

	(void)unused;
	memcpy(g->image, "BC\xc0\xde", 4);
	refused(g, FERRY_E_PROGRAM_ELF, "bitcode");
	memcpy(g->image, "!<arch>\n", 8);
	refused(g, FERRY_E_PROGRAM_ELF, "archive");
	memcpy(g->image, "#include", 8);
	refused(g, FERRY_E_PROGRAM_ELF, "not an ELF");
	free(g);
}

/*
 * Goal: no length of a file but the whole is taken, and none is read beyond. Method: every shorter length, in a
 * buffer of exactly that size so that a sanitizer sees an overrun.
 */
static void every_truncation_is_refused(void **unused)
{
	struct good *g = good_new();

	(void)unused;
	for (size_t length = 0; length < g->bytes; length++) {
		uint8_t *piece = malloc(length ? length : 1);
		struct ferry_object *object = (void *)1;
		char why[FERRY_OBJECT_WHY_BYTES] = "";

		assert_non_null(piece);
		memcpy(piece, g->image, length);
		assert_int_equal(ferry_object_open(length ? piece : NULL, length, &object, why, sizeof(why)),
		                 FERRY_E_PROGRAM_TRUNCATED);
		assert_ptr_equal(object, (void *)1);
		assert_true(strlen(why) > 0);
		free(piece);
	}
	free(g);
}

/* Open, and look at everything that opened. */
static void use(const void *image, size_t bytes)
{
	struct ferry_object *object;
	char why[FERRY_OBJECT_WHY_BYTES];
	int err = ferry_object_open(image, bytes, &object, why, sizeof(why));

	assert_true(err >= 0 && err < FERRY_ERROR_COUNT);
	assert_true(memchr(why, 0, sizeof(why)) != NULL);
	if (err)
		return;
	for (uint32_t i = 0; i < ferry_object_count(object); i++) {
		const struct ferry_object_kernel *k = ferry_object_at(object, i);
		uint64_t sum = 0;

		err = ferry_object_find(object, k->name, &k, why, sizeof(why));
		if (!err) {
			for (uint32_t n = 0; n < k->insn_count; n++)
				sum += ((const uint64_t *)k->insns)[n];
			assert_true(k->arg_count <= FG1_ARGS_MAX && k->insn_count > 0 && sum != 1);
		}
	}
	ferry_object_close(object);
}

/*
 * Goal: no flipped bit makes the reader look outside the file, loop, or say nothing. Method: every bit of a file with
 * relocations; the exact-size buffer and the sanitizers watch.
 */
static void every_flipped_bit_is_survived(void **unused)
{
	struct good *g = calloc(1, sizeof(*g));
	Elf64_Rel rel = {0, ELF64_R_INFO(1, R_CALL)};
	uint8_t *image;

	(void)unused;
	assert_non_null(g);
	good_start(g);
	(void)elf_relocations(&g->b, g->code_section[1], &rel, 1);
	good_finish(g);
	image = malloc(g->bytes);
	assert_non_null(image);
	for (size_t bit = 0; bit < g->bytes * 8; bit++) {
		memcpy(image, g->image, g->bytes);
		image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		use(image, g->bytes);
	}
	free(image);
	free(g);
}

/*
 * Goal: sizes near the end of the number range do not wrap. Method: each size and offset field of each section, and
 * the header's, set to values around 2^63, 2^64 and the file's size.
 */
static void huge_sizes_do_not_wrap(void **unused)
{
	struct good *g = good_new();
	const uint64_t values[] = {UINT64_MAX, UINT64_MAX - 7, 1ull << 63, (1ull << 63) - 8, g->bytes, g->bytes - 8};
	struct good *copy = malloc(sizeof(*copy));

	(void)unused;
	assert_non_null(copy);
	for (size_t v = 0; v < FERRY_ARRAY_SIZE(values); v++) {
		for (uint32_t i = 0; i < g->b.section_count; i++) {
			*copy = *g;
			elf_section_header(copy->image, i)->sh_size = values[v];
			use(copy->image, g->bytes);
			*copy = *g;
			elf_section_header(copy->image, i)->sh_offset = values[v];
			use(copy->image, g->bytes);
		}
		*copy = *g;
		elf_header(copy->image)->e_shoff = values[v];
		use(copy->image, g->bytes);
	}
	*copy = *g;
	elf_section_header(copy->image, g->code_section[0])->sh_size = UINT64_MAX - 7;
	refused(copy, FERRY_E_PROGRAM_TRUNCATED, "beyond the file");
	*copy = *g;
	elf_header(copy->image)->e_shnum = 0xfff0;
	refused(copy, FERRY_E_PROGRAM_TRUNCATED, "table of sections");
	free(copy);
	free(g);
}

/*
 * Goal: a file beyond the limit is refused unread. Method: a size over the limit with a pointer nobody may follow.
 */
static void an_enormous_file_is_refused_unread(void **unused)
{
	struct ferry_object *object;
	char why[FERRY_OBJECT_WHY_BYTES];

	(void)unused;
	assert_int_equal(ferry_object_open((void *)8, FERRY_OBJECT_BYTES_MAX + 1, &object, why, sizeof(why)),
	                 FERRY_E_PROGRAM_SIZE);
	assert_non_null(strstr(why, "64 MiB"));
	assert_int_equal(ferry_object_open((void *)8, SIZE_MAX, &object, why, sizeof(why)), FERRY_E_PROGRAM_SIZE);
}

/*
 * Goal: a malformed record is refused with the reason. Method: one wrong record at a time.
 */
static void malformed_records_are_refused(void **unused)
{
	struct good *g = calloc(1, sizeof(*g));

	(void)unused;
	assert_non_null(g);
#define CASE(change, error, says)                                                                                    \
	do {                                                                                                         \
		good_start(g);                                                                                       \
		change;                                                                                              \
		good_finish(g);                                                                                      \
		refused(g, error, says);                                                                             \
	} while (0)
	CASE(memset(g->records[0].name, 'a', 56), FERRY_E_PROGRAM_ELF, "no proper name");
	CASE(memset(g->records[1].name, 0, 56), FERRY_E_PROGRAM_ELF, "number 1 has no proper name");
	CASE(g->records[0].name[1] = '\n', FERRY_E_PROGRAM_ELF, "no proper name");
	CASE(g->records[0].version = 2, FERRY_E_PROGRAM_ELF, "version 2");
	CASE(g->records[1].arg_count = FG1_ARGS_MAX + 1, FERRY_E_PROGRAM_ARGS, "'two' takes 17");
	CASE(g->records[1].arg_count = UINT32_MAX, FERRY_E_PROGRAM_ARGS, "takes 4294967295");
	CASE(strcpy(g->records[1].name, "one"), FERRY_E_PROGRAM_ELF, "'one' is there twice");
	CASE(strcpy(g->records[1].name, "tree"), FERRY_E_PROGRAM_ELF, "no code section 'ferry/tree'");
	CASE(g->b.section[g->record_section].sh_size -= 1, FERRY_E_PROGRAM_ELF, "malformed");
	CASE(g->b.section[g->record_section].sh_size = 0, FERRY_E_PROGRAM_NO_ENTRY, "no FERRY_KERNEL");
	CASE(g->b.section[g->record_section].sh_type = SHT_NOTE, FERRY_E_PROGRAM_NO_ENTRY, "no FERRY_KERNEL");
	CASE(g->b.section[g->code_section[0]].sh_flags = SHF_ALLOC, FERRY_E_PROGRAM_ELF,
	     "does not hold instructions");
	CASE(g->b.section[g->code_section[0]].sh_size = 12, FERRY_E_PROGRAM_ELF, "does not hold instructions");
	CASE(elf_section(&g->b, "ferry/one", SHT_PROGBITS, FLAGS_CODE, code_two, 16), FERRY_E_PROGRAM_ELF,
	     "more than one code section");
	CASE(elf_section(&g->b, ".ferry.kernels", SHT_PROGBITS, 0, g->records, 64), FERRY_E_PROGRAM_ELF, "several");
#undef CASE
	free(g);
}

/*
 * Goal: a program that is empty or too long is refused when it is asked for, not before. Method: both, beside a good
 * one.
 */
static void size_is_checked_for_the_kernel_asked_for(void **unused)
{
	struct good *g = calloc(1, sizeof(*g));
	size_t huge = (FG1_PROGRAM_INSNS_MAX + 1) * 8ull, room = huge + 8192;
	const struct ferry_object_kernel *k;
	uint64_t *image = calloc(1, room), *code = calloc(1, huge);

	(void)unused;
	assert_non_null(g);
	assert_non_null(image);
	assert_non_null(code);
	good_start(g);
	g->b.section[g->code_section[0]].sh_size = 0;
	good_finish(g);
	find_refused(g, "one", FERRY_E_PROGRAM_SIZE, "'one' has no instructions");

	good_start(g);
	g->b.section[g->code_section[0]].sh_size = huge;
	g->b.data[g->code_section[0]] = code;
	g->bytes = elf_finish(&g->b, image, room);
	assert_int_equal(ferry_object_open(image, g->bytes, &g->object, NULL, 0), 0);
	assert_int_equal(ferry_object_find(g->object, "one", &k, g->why, sizeof(g->why)), FERRY_E_PROGRAM_SIZE);
	assert_non_null(strstr(g->why, "65537 instructions"));
	assert_int_equal(ferry_object_find(g->object, "two", &k, NULL, 0), 0);
	ferry_object_close(g->object);
	free(image);
	free(code);
	free(g);
}

/*
 * Goal: a relocation refuses the kernel and the message names what it refers to. Method: calls and data, by symbol,
 * by section, undefined.
 */
static void relocations_are_refused_by_name(void **unused)
{
	static const uint64_t data[4];
	struct good *g = calloc(1, sizeof(*g));
	uint32_t text, rodata;
	Elf64_Rel rel;

	(void)unused;
	assert_non_null(g);
#define CASE(imm, symbol, kind, says)                                                                                \
	do {                                                                                                         \
		good_start(g);                                                                                       \
		text = elf_section(&g->b, ".text", SHT_PROGBITS, FLAGS_CODE, code_two, 16);                          \
		rodata = elf_section(&g->b, ".rodata", SHT_PROGBITS, SHF_ALLOC, data, sizeof(data));                 \
		(void)elf_symbol(&g->b, "helper", STT_FUNC, text, 8, 8);                                             \
		(void)elf_symbol(&g->b, "table", STT_OBJECT, rodata, 8, 16);                                         \
		g->code[1][0] = (uint64_t)(uint32_t)(imm) << 32;                                                     \
		rel = (Elf64_Rel){0, ELF64_R_INFO(symbol, kind)};                                                    \
		(void)elf_relocations(&g->b, g->code_section[1], &rel, 1);                                           \
		good_finish(g);                                                                                      \
		find_refused(g, "two", FERRY_E_PROGRAM_RELOC, says);                                                 \
		assert_int_equal(open_it(g), 0);                                                                     \
		assert_int_equal(                                                                                    \
			ferry_object_find(g->object, "one", &(const struct ferry_object_kernel *){NULL}, NULL, 0),   \
			0);                                                                                          \
		ferry_object_close(g->object);                                                                       \
	} while (0)
	CASE(-1, 3, R_CALL, "'two' calls 'helper', which was not inlined");
	CASE(0, 4, R_DATA, "'two' uses global data 'table'");
	CASE(0, elf_symbol(&g->b, "", STT_SECTION, text, 0, 0), R_CALL, "calls 'helper'");
	CASE(12, elf_symbol(&g->b, "", STT_SECTION, rodata, 0, 0), R_DATA, "data 'table'");
	CASE(0, elf_symbol(&g->b, "", STT_SECTION, rodata, 0, 0), R_DATA, "data '.rodata'");
	CASE(-1, elf_symbol(&g->b, "puts", STT_NOTYPE, SHN_UNDEF, 0, 0), R_CALL,
	     "calls 'puts', which is defined nowhere");
	CASE(0, elf_symbol(&g->b, "stdout", STT_NOTYPE, SHN_UNDEF, 0, 0), R_DATA, "uses 'stdout', which is defined");
	CASE(0, elf_symbol(&g->b, "a\033[2Jb", STT_OBJECT, rodata, 0, 8), R_DATA, "data 'a?[2Jb'");
#undef CASE
	free(g);
}

/*
 * Goal: a relocation that does nothing is none; one that points outside is caught; tables cannot be read for ever.
 * Method: one file each, and one with a relocation of the table of records.
 */
static void relocations_are_bounded(void **unused)
{
	struct good *g = calloc(1, sizeof(*g));
	const struct ferry_object_kernel *k;
	Elf64_Rel rel = {0, ELF64_R_INFO(1, 0)};
	uint32_t index;

	(void)unused;
	assert_non_null(g);
	good_start(g);
	(void)elf_relocations(&g->b, g->code_section[1], &rel, 1);
	good_finish(g);
	assert_int_equal(open_it(g), 0);
	assert_int_equal(ferry_object_find(g->object, "two", &k, NULL, 0), 0);
	ferry_object_close(g->object);

	rel = (Elf64_Rel){UINT64_MAX - 3, ELF64_R_INFO(0x7fffffff, R_CALL)};
	good_start(g);
	(void)elf_relocations(&g->b, g->code_section[1], &rel, 1);
	good_finish(g);
	find_refused(g, "two", FERRY_E_PROGRAM_TRUNCATED, "names symbol 2147483647 of 3");

	good_start(g);
	index = elf_relocations(&g->b, g->code_section[1], &rel, 1);
	g->b.section[index].sh_link = ELF_STRTAB;
	good_finish(g);
	find_refused(g, "two", FERRY_E_PROGRAM_ELF, "without symbols");

	/* Two tables over the whole file: all its bytes twice. */
	good_start(g);
	for (uint32_t i = 0; i < 2; i++)
		(void)elf_relocations(&g->b, g->code_section[1], &rel, 1);
	good_finish(g);
	for (uint32_t i = 0; i < 2; i++) {
		elf_section_header(g->image, g->record_section + 1 + i)->sh_offset = 0;
		elf_section_header(g->image, g->record_section + 1 + i)->sh_size = g->bytes / 16 * 16;
	}
	refused(g, FERRY_E_PROGRAM_ELF, "overlap");

	good_start(g);
	rel = (Elf64_Rel){UINT64_MAX - 3, ELF64_R_INFO(1, R_CALL)};
	(void)elf_relocations(&g->b, g->record_section, &rel, 1);
	good_finish(g);
	refused(g, FERRY_E_PROGRAM_RELOC, ".ferry.kernels");
	free(g);
}

/*
 * Goal: no memory is an error, and nothing leaks. Method: fail the first, the second, ... allocation of an open.
 */
static void running_out_of_memory_is_an_error(void **unused)
{
	struct good *g = good_new();
	uint64_t before = ferry_user_live_allocs();
	uint32_t failures = 0;

	(void)unused;
	for (uint64_t n = 1;; n++) {
		int err;

		ferry_user_fail_nth_alloc(n);
		err = open_it(g);
		if (ferry_user_fail_nth_alloc(0)) {
			assert_int_equal(err, 0);
			ferry_object_close(g->object);
			break;
		}
		assert_int_equal(err, FERRY_E_PROGRAM_NOMEM);
		assert_uint_equal(ferry_user_live_allocs(), before);
		failures++;
	}
	assert_true(failures >= 2);
	assert_uint_equal(ferry_user_live_allocs(), before);
	ferry_object_close(NULL);
	free(g);
}

/*
 * Goal: a message never overruns its buffer, and none is needed. Method: every small buffer size, and NULL.
 */
static void messages_fit_any_buffer(void **unused)
{
	struct good *g = good_new();

	(void)unused;
	elf_header(g->image)->e_machine = EM_X86_64;
	for (size_t room = 0; room < 40; room++) {
		char why[64];

		memset(why, '#', sizeof(why));
		assert_int_equal(ferry_object_open(g->image, g->bytes, &g->object, why, room), FERRY_E_PROGRAM_ELF);
		if (room)
			assert_true(memchr(why, 0, room) != NULL);
		assert_int_equal(why[room], '#');
	}
	assert_int_equal(ferry_object_open(g->image, g->bytes, &g->object, NULL, 10), FERRY_E_PROGRAM_ELF);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_lists_its_kernels),
		cmocka_unit_test(the_image_is_not_kept),
		cmocka_unit_test(no_name_means_the_only_kernel),
		cmocka_unit_test(foreign_files_are_named),
		cmocka_unit_test(common_mistakes_get_a_hint),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_flipped_bit_is_survived),
		cmocka_unit_test(huge_sizes_do_not_wrap),
		cmocka_unit_test(an_enormous_file_is_refused_unread),
		cmocka_unit_test(malformed_records_are_refused),
		cmocka_unit_test(size_is_checked_for_the_kernel_asked_for),
		cmocka_unit_test(relocations_are_refused_by_name),
		cmocka_unit_test(relocations_are_bounded),
		cmocka_unit_test(running_out_of_memory_is_an_error),
		cmocka_unit_test(messages_fit_any_buffer),
	};

	return cmocka_run_group_tests_name("lib/object", tests, NULL, NULL);
}
