/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: lib/object.c lib/object_elf.c */
/*
 * object_elf_test.c - how the reader of object files treats libelf: what it does when libelf fails, that nothing of
 * libelf is left behind, and what a file may not make libelf do.
 *
 * What the reader takes and refuses otherwise is in object_test.c. The calls into libelf that matter are defined
 * here, in front of the library's: they count, fail on demand, and hand on to the real ones.
 */
#include "test/unit/cmocka_compat.h"

#include <dlfcn.h>
#include <errno.h>
#include <libelf.h>
#include <pthread.h>
#include <stdlib.h>

#include "ferry/fg1.h"
#include "ferry/os.h"
#include "lib/object.h"
#include "test/unit/lib/elf_builder.h"

#define FLAGS_CODE (SHF_ALLOC | SHF_EXECINSTR)
#define R_CALL 10u /* R_BPF_64_32 */
/* As LOOKS_MAX of object_elf.c. */
#define LOOKS_MAX (1u << 20)

struct record {
	char name[56];
	uint32_t arg_count, version;
};

/* mov r0, 0; exit */
static const uint64_t code_two[2] = {0x00000000000000b7, 0x0000000000000095};

/* ---- in front of libelf ------------------------------------------------------------------------------- */

static struct {
	uint32_t calls; /* of those that load */
	uint32_t open;  /* handles */
	uint32_t fail;  /* the n-th call that loads; 0: none */
	int reason;     /* errno then */
} libelf;

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	assert_non_null(found);
	return found;
}

static bool must_fail(void)
{
	if (++libelf.calls != libelf.fail)
		return false;
	errno = libelf.reason;
	return true;
}

Elf *elf_memory(char *image, size_t bytes)
{
	Elf *(*next)(char *, size_t) = (Elf * (*)(char *, size_t)) real("elf_memory");
	Elf *elf = must_fail() ? NULL : next(image, bytes);

	libelf.open += elf != NULL;
	return elf;
}

int elf_end(Elf *elf)
{
	int (*next)(Elf *) = (int (*)(Elf *))real("elf_end");

	libelf.open -= elf != NULL;
	return next(elf);
}

Elf_Data *elf_getdata(Elf_Scn *scn, Elf_Data *data)
{
	Elf_Data *(*next)(Elf_Scn *, Elf_Data *) = (Elf_Data * (*)(Elf_Scn *, Elf_Data *)) real("elf_getdata");

	return must_fail() ? NULL : next(scn, data);
}

/* ---- files ---------------------------------------------------------------------------------------------- */

/* Kernels "one" and "two" of two instructions; "two" calls helper() in .text. */
struct file {
	struct elf_builder b;
	struct record records[2];
	uint64_t code[2][2];
	uint32_t code_section[2], record_section, text, rel_section;
	Elf64_Rel rel;
	uint64_t *image;
	size_t room, bytes;
	char why[FERRY_OBJECT_WHY_BYTES];
};

static void file_start(struct file *f)
{
	static const char *const sections[2] = {"ferry/one", "ferry/two"};

	elf_init(&f->b);
	memset(f->records, 0, sizeof(f->records));
	for (uint32_t i = 0; i < 2; i++) {
		memcpy(f->code[i], code_two, sizeof(code_two));
		strcpy(f->records[i].name, sections[i] + sizeof("ferry/") - 1);
		f->records[i].version = 1;
		f->code_section[i] =
			elf_section(&f->b, sections[i], SHT_PROGBITS, FLAGS_CODE, f->code[i], sizeof(code_two));
	}
	f->record_section =
		elf_section(&f->b, ".ferry.kernels", SHT_PROGBITS, SHF_ALLOC, f->records, sizeof(f->records));
	f->text = elf_section(&f->b, ".text", SHT_PROGBITS, FLAGS_CODE, code_two, sizeof(code_two));
	f->rel = (Elf64_Rel){0, ELF64_R_INFO(elf_symbol(&f->b, "helper", STT_FUNC, f->text, 0, 16), R_CALL)};
	f->rel_section = elf_relocations(&f->b, f->code_section[1], &f->rel, 1);
}

static void file_finish(struct file *f)
{
	f->bytes = elf_finish(&f->b, f->image, f->room);
}

static struct file *file_new(size_t room)
{
	struct file *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->room = room;
	f->image = calloc(1, room);
	assert_non_null(f->image);
	file_start(f);
	memset(&libelf, 0, sizeof(libelf));
	return f;
}

static void file_free(struct file *f)
{
	free(f->image);
	free(f);
}

static int file_open(struct file *f, struct ferry_object **object)
{
	return ferry_object_open(f->image, f->bytes, object, f->why, sizeof(f->why));
}

/* The file is refused with this code and sentence; nothing is written, nothing is left open. */
static void refused(struct file *f, int error, const char *part)
{
	struct ferry_object *object = (void *)1;

	assert_int_equal(file_open(f, &object), error);
	assert_ptr_equal(object, (void *)1);
	assert_uint_equal(libelf.open, 0);
	if (!strstr(f->why, part))
		fail_msg("'%s' does not say '%s'", f->why, part);
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

/*
 * Goal: a finished object needs no libelf, so threads may share it. Method: after the open no handle is left, and
 * find() of a good and of a refused kernel makes no call.
 */
static void nothing_of_libelf_outlives_the_open(void **unused)
{
	struct file *f = file_new(4096);
	const struct ferry_object_kernel *k;
	struct ferry_object *object;
	uint32_t calls;

	(void)unused;
	file_finish(f);
	assert_int_equal(file_open(f, &object), 0);
	assert_uint_equal(libelf.open, 0);
	calls = libelf.calls;
	assert_true(calls > 0);
	assert_int_equal(ferry_object_find(object, "one", &k, f->why, sizeof(f->why)), 0);
	assert_memory_equal(k->insns, code_two, sizeof(code_two));
	assert_int_equal(ferry_object_find(object, "two", &k, f->why, sizeof(f->why)), FERRY_E_PROGRAM_RELOC);
	assert_string_equal(f->why, "'two' calls 'helper', which was not inlined");
	assert_uint_equal(libelf.calls, calls);
	ferry_object_close(object);
	file_free(f);
}

/*
 * Goal: a kernel that is refused shows no code. Method: at() of the good and of the refused one.
 */
static void a_refused_kernel_shows_no_code(void **unused)
{
	struct file *f = file_new(4096);
	struct ferry_object *object;

	(void)unused;
	file_finish(f);
	assert_int_equal(file_open(f, &object), 0);
	assert_uint_equal(ferry_object_at(object, 0)->insn_count, 2);
	assert_string_equal(ferry_object_at(object, 1)->name, "two");
	assert_uint_equal(ferry_object_at(object, 1)->insn_count, 0);
	assert_null(ferry_object_at(object, 1)->insns);
	ferry_object_close(object);
	file_free(f);
}

/*
 * Goal: when libelf fails while the file is checked, that is told from a bad file by errno, and nothing leaks.
 * Method: fail elf_memory(), then each load of the checks: two code sections, records, text, symbols, relocations.
 */
static void failures_of_libelf_are_errors(void **unused)
{
	struct file *f = file_new(4096);
	uint64_t before = ferry_user_live_allocs();

	(void)unused;
	file_finish(f);
	for (uint32_t n = 1; n <= 7; n++) {
		libelf.calls = 0;
		libelf.fail = n;
		libelf.reason = ENOMEM;
		refused(f, FERRY_E_PROGRAM_NOMEM, "no memory to read the file");
		assert_uint_equal(libelf.calls, n);
		libelf.calls = 0;
		libelf.reason = 0;
		refused(f, FERRY_E_PROGRAM_ELF, "cannot be read: ");
		assert_uint_equal(ferry_user_live_allocs(), before);
	}
	file_free(f);
}

/*
 * Goal: every refusal closes its handle and frees its copy. Method: one file refused by each stage.
 */
static void every_stage_cleans_up(void **unused)
{
	struct file *f = file_new(4096);
	uint64_t before = ferry_user_live_allocs();

	(void)unused;
	file_finish(f);
	elf_header(f->image)->e_machine = EM_386;
	refused(f, FERRY_E_PROGRAM_ELF, "32-bit x86");
	file_finish(f);
	elf_section_header(f->image, f->text)->sh_offset = f->bytes + 1;
	refused(f, FERRY_E_PROGRAM_TRUNCATED, "ends beyond the file");
	file_finish(f);
	elf_section_header(f->image, f->record_section)->sh_size = 0;
	refused(f, FERRY_E_PROGRAM_NO_ENTRY, "has no FERRY_KERNEL()");
	f->records[1].arg_count = FG1_ARGS_MAX + 1;
	file_finish(f);
	refused(f, FERRY_E_PROGRAM_ARGS, "'two' takes");
	assert_uint_equal(ferry_user_live_allocs(), before);
	file_free(f);
}

/*
 * Goal: no file makes libelf unpack anything. Method: the flag for compressed contents on every section that is used.
 */
static void compressed_sections_are_not_unpacked(void **unused)
{
	struct file *f = file_new(4096);
	const struct {
		uint32_t section;
		const char *says;
	} cases[] = {
		{ELF_STRTAB, "malformed table"},
		{ELF_SYMTAB, "malformed table"},
		{f->rel_section, "malformed table"},
		{f->record_section, "section .ferry.kernels is malformed"},
		{f->code_section[0], "'ferry/one' does not hold instructions"},
	};
	struct ferry_object *object;

	(void)unused;
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(cases); i++) {
		file_finish(f);
		elf_section_header(f->image, cases[i].section)->sh_flags |= SHF_COMPRESSED;
		refused(f, FERRY_E_PROGRAM_ELF, cases[i].says);
	}
	/* As clang -gz does with what a debugger wants. */
	file_finish(f);
	elf_section_header(f->image, f->text)->sh_flags |= SHF_COMPRESSED;
	assert_int_equal(file_open(f, &object), 0);
	ferry_object_close(object);
	file_free(f);
}

/*
 * Goal: a small file does not take much memory. Method: both kernels over the same bytes, more than the file has.
 */
static void code_is_not_copied_again_and_again(void **unused)
{
	struct file *f = file_new(4096);
	struct ferry_object *object;

	(void)unused;
	f->b.section_count = f->rel_section; /* no relocations */
	file_finish(f);
	for (uint32_t i = 0; i < 2; i++) {
		elf_section_header(f->image, f->code_section[i])->sh_offset = 0;
		elf_section_header(f->image, f->code_section[i])->sh_size = f->bytes / 16 * 8;
	}
	assert_int_equal(file_open(f, &object), 0);
	ferry_object_close(object);
	for (uint32_t i = 0; i < 2; i++)
		elf_section_header(f->image, f->code_section[i])->sh_size = f->bytes / 8 * 8;
	refused(f, FERRY_E_PROGRAM_ELF, "sections of code overlap");
	file_free(f);
}

/*
 * Goal: more kernels than an object may have are refused. Method: one more than that, and exactly that many, which
 * gets as far as their names.
 */
static void the_number_of_kernels_is_bounded(void **unused)
{
	struct file *f = file_new(65536);
	struct record *records = calloc(FERRY_OBJECT_KERNELS_MAX + 1, sizeof(*records));

	(void)unused;
	assert_non_null(records);
	f->b.data[f->record_section] = records;
	f->b.section[f->record_section].sh_size = (FERRY_OBJECT_KERNELS_MAX + 1) * sizeof(*records);
	file_finish(f);
	refused(f, FERRY_E_PROGRAM_SIZE, "more than 256 FERRY_KERNEL()");
	f->b.section[f->record_section].sh_size = FERRY_OBJECT_KERNELS_MAX * sizeof(*records);
	file_finish(f);
	refused(f, FERRY_E_PROGRAM_ELF, "number 0 has no proper name");
	free(records);
	file_free(f);
}

/*
 * Goal: better names for messages are not looked for without end, which is a matter of the whole file. Method: two
 * kernels call into .text, and helper() is so far back in a long table that looking for it twice is too much.
 */
static void the_search_for_names_is_bounded(void **unused)
{
	const size_t count = LOOKS_MAX / 2 + 8;
	struct file *f = file_new(count * sizeof(Elf64_Sym) + 8192);
	Elf64_Sym *symbols = calloc(count, sizeof(*symbols));
	const struct ferry_object_kernel *k;
	struct ferry_object *object;
	Elf64_Rel rel = {0, ELF64_R_INFO(1, R_CALL)};
	uint32_t table;

	(void)unused;
	assert_non_null(symbols);
	symbols[1] = (Elf64_Sym){.st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION), .st_shndx = (uint16_t)f->text};
	symbols[count - 1] = f->b.symbol[1];
	table = elf_section(&f->b, ".symtab", SHT_SYMTAB, 0, symbols, count * sizeof(*symbols));
	f->b.section[table].sh_link = ELF_STRTAB;
	f->b.section[table].sh_entsize = sizeof(*symbols);
	f->rel = rel;
	f->b.section[f->rel_section].sh_link = table;
	f->b.section[elf_relocations(&f->b, f->code_section[0], &rel, 1)].sh_link = table;
	for (uint32_t i = 0; i < 2; i++)
		f->code[i][0] = (uint64_t)UINT32_MAX << 32;
	file_finish(f);
	assert_int_equal(file_open(f, &object), 0);
	assert_int_equal(ferry_object_find(object, "one", &k, f->why, sizeof(f->why)), FERRY_E_PROGRAM_RELOC);
	assert_string_equal(f->why, "'one' calls 'helper', which was not inlined");
	assert_int_equal(ferry_object_find(object, "two", &k, f->why, sizeof(f->why)), FERRY_E_PROGRAM_RELOC);
	assert_string_equal(f->why, "'two' calls '.text', which was not inlined");
	ferry_object_close(object);
	free(symbols);
	file_free(f);
}

static void *find_often(void *object)
{
	char why[FERRY_OBJECT_WHY_BYTES];
	const struct ferry_object_kernel *k;

	for (uint32_t i = 0; i < 2000; i++) {
		if (ferry_object_find(object, "one", &k, why, sizeof(why)) || memcmp(k->insns, code_two, 16) ||
		    ferry_object_find(object, "two", &k, why, sizeof(why)) != FERRY_E_PROGRAM_RELOC ||
		    strcmp(why, "'two' calls 'helper', which was not inlined"))
			return object;
	}
	return NULL;
}

/*
 * Goal: an object may be read by several threads at once. Method: four threads look both kernels up; the thread
 * sanitizer watches.
 */
static void threads_share_an_object(void **unused)
{
	struct file *f = file_new(4096);
	struct ferry_object *object;
	pthread_t thread[4];

	(void)unused;
	file_finish(f);
	assert_int_equal(file_open(f, &object), 0);
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, find_often, object), 0);
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(thread); i++) {
		void *bad;

		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
	}
	ferry_object_close(object);
	file_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_libelf_outlives_the_open),
		cmocka_unit_test(a_refused_kernel_shows_no_code),
		cmocka_unit_test(failures_of_libelf_are_errors),
		cmocka_unit_test(every_stage_cleans_up),
		cmocka_unit_test(compressed_sections_are_not_unpacked),
		cmocka_unit_test(code_is_not_copied_again_and_again),
		cmocka_unit_test(the_number_of_kernels_is_bounded),
		cmocka_unit_test(the_search_for_names_is_bounded),
		cmocka_unit_test(threads_share_an_object),
	};

	return cmocka_run_group_tests_name("lib/object_elf", tests, NULL, NULL);
}
