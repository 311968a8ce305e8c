/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: tools/workload.c tools/reference.c tools/graph.c tools/workload_fill.c tools/workload_copy.c
 *	tools/workload_histogram.c tools/workload_reduce.c tools/workload_sort.c tools/workload_saxpy.c
 *	tools/workload_gemm.c tools/workload_stencil.c tools/workload_bfs.c tools/workload_chase.c
 *	tools/workload_random.c tools/workload_pingpong.c tools/workload_bad.c tools/workload_object.c
 *	lib/object.c lib/object_elf.c softgpu/program.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_mem.c
 *	softgpu/warp_helper.c softgpu/softfloat.c test/unit/programs/fake_ferry.c
 */
/*
 * programs_test.c - the built-in programs, as compiled by clang, on the real interpreter: right on any input, and
 * their workloads give everything back whatever fails. No driver takes part (fake_ferry.h).
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ferry/os.h"
#include "lib/object.h"
#include "test/unit/programs/fake_ferry.h"
#include "tools/reference.h"
#include "tools/workload.h"

#define MIB (1ull << 20)
/* So small that the sort's chunks are as small as they get, 128 KiB. */
#define VRAM_SMALL (MIB / 2)

static char programs_dir[4096];

/* build/test/unit/programs/programs_test -> build/programs */
static void find_programs(void)
{
	char path[2048];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (ferry_workload_programs_dir(NULL, programs_dir, sizeof(programs_dir)) == 0)
		return;
	path[n > 0 ? n : 0] = 0;
	for (int up = 0; up < 4 && strrchr(path, '/'); up++)
		*strrchr(path, '/') = 0;
	snprintf(programs_dir, sizeof(programs_dir), "%s/programs", path);
}

/* Run one workload on this input; the message is for the test's output. */
struct run {
	struct ferry_workload_ctx ctx;
	uint64_t vram_bytes;
	int corrupt;
	uint64_t fail_at;
};

static int execute(const char *name, const void *input, size_t bytes, struct run *r)
{
	const struct ferry_workload *w = ferry_workload_find(name);
	int err;

	assert_non_null(w);
	assert_int_equal(fake_ferry_open(r->vram_bytes ? r->vram_bytes : VRAM_SMALL, &r->ctx.ferry), 0);
	fake_ferry_corrupt(r->ctx.ferry, r->corrupt - 1);
	fake_ferry_fail_nth(r->ctx.ferry, r->fail_at);
	r->ctx.input = input;
	r->ctx.input_bytes = bytes;
	r->ctx.programs_dir = programs_dir;
	err = ferry_workload_execute(w, &r->ctx);
	/* What a running launch uses is left for ferry_close(), which the fake does by hand. */
	while (r->ctx.abandoned && r->ctx.program_count)
		assert_int_equal(ferry_program_unload(r->ctx.program[--r->ctx.program_count]), 0);
	while (r->ctx.abandoned && r->ctx.buffer_count)
		assert_int_equal(ferry_free(r->ctx.ferry, r->ctx.buffer[--r->ctx.buffer_count]), 0);
	assert_uint_equal(fake_ferry_live(r->ctx.ferry), 0);
	assert_true(r->ctx.verified == (err == 0));
	r->fail_at = r->fail_at && fake_ferry_calls(r->ctx.ferry) >= r->fail_at;
	ferry_close(r->ctx.ferry);
	return err;
}

static void must_verify(const char *name, const void *input, size_t bytes)
{
	struct run r = {0};
	int err = execute(name, input, bytes, &r);

	if (err)
		fail_msg("%s on %zu bytes: %d: %s", name, bytes, err, r.ctx.message);
}

static uint8_t *generated(size_t bytes, uint64_t seed)
{
	uint8_t *input = malloc(bytes);

	assert_non_null(input);
	ferry_workload_generate(input, bytes, seed);
	return input;
}

static bool is_object(const struct ferry_workload *w)
{
	return !strcmp(w->name, "object");
}

/*
 * Goal: every built-in is right on inputs of any size. Method: odd sizes, each an exact buffer; the CPU's own result.
 */
static void every_program_is_right_at_any_size(void **unused)
{
	static const size_t sizes[] = {1, 2, 3, 5, 8, 9, 64, 4095, 4097, 33333};

	(void)unused;
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(sizes); i++) {
		uint8_t *input = generated(sizes[i], i);

		for (size_t k = 0; ferry_workloads[k]; k++) {
			if (!is_object(ferry_workloads[k]))
				must_verify(ferry_workloads[k]->name, input, sizes[i]);
		}
		free(input);
	}
}

/*
 * Goal: extreme bytes are input too. Method: all zeros, all ones, one byte that differs.
 */
static void every_program_is_right_on_flat_input(void **unused)
{
	uint8_t *input = malloc(10007);

	(void)unused;
	assert_non_null(input);
	for (int fill = 0; fill < 3; fill++) {
		memset(input, fill ? 0xff : 0, 10007);
		if (fill == 2)
			input[5000] = 7;
		for (size_t k = 0; ferry_workloads[k]; k++) {
			if (!is_object(ferry_workloads[k]))
				must_verify(ferry_workloads[k]->name, input, 10007);
		}
	}
	free(input);
}

/*
 * Goal: the number of threads does not change a result. Method: from one to many more than there are elements.
 */
static void the_number_of_threads_does_not_matter(void **unused)
{
	static const uint64_t threads[] = {1, 33, 1000, 20000};
	uint8_t *input = generated(20001, 3);

	(void)unused;
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(threads); i++) {
		for (size_t k = 0; ferry_workloads[k]; k++) {
			struct run r = {.ctx = {.threads = threads[i]}};

			if (!is_object(ferry_workloads[k]) && execute(ferry_workloads[k]->name, input, 20001, &r))
				fail_msg("%s with %llu threads: %s", ferry_workloads[k]->name,
				         (unsigned long long)threads[i], r.ctx.message);
		}
	}
	free(input);
}

/*
 * Goal: sort merges any number of chunks, whole or not. Method: sizes around multiples of a chunk; orders that are
 * hard on merges and on counters.
 */
static void sort_merges_chunks_of_any_order(void **unused)
{
	static const uint32_t counts[] = {32767, 32768, 32769, 65537, 98304, 163841};

	(void)unused;
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(counts); i++) {
		uint32_t n = counts[i];
		uint32_t *keys = malloc(n * 4ul);

		assert_non_null(keys);
		for (uint32_t order = 0; order < 6; order++) {
			for (uint32_t k = 0; k < n; k++) {
				const uint32_t value[] = {
					(uint32_t)ferry_reference_mix(k),     k, n - k, 42, k % 2 ? UINT32_MAX : 0,
					(uint32_t)ferry_reference_mix(k) & 3,
				};

				keys[k] = value[order];
			}
			must_verify("sort", keys, n * 4ul - (order == 5));
		}
		free(keys);
	}
}

/*
 * Goal: large matrices are multiplied launch by launch. Method: so little device memory that b needs several.
 */
static void gemm_sweeps_over_a_matrix_in_pieces(void **unused)
{
	struct run r = {.vram_bytes = 4096};
	uint8_t *input = generated(70000, 9);

	(void)unused;
	assert_int_equal(execute("gemm", input, 70000, &r), 0);
	assert_true(r.ctx.launches > 4);
	free(input);
}

static void bfs_on(const char *text)
{
	/* An exact buffer without a NUL. */
	size_t bytes = strlen(text);
	char *input = malloc(bytes);

	assert_non_null(input);
	memcpy(input, text, bytes);
	must_verify("bfs", input, bytes);
	free(input);
}

/*
 * Goal: bfs reads edge lists of all kinds. Method: a path, two components, sparse numbers, comments, loops, no final
 * newline, and what is nearly a list but not quite.
 */
static void bfs_takes_edge_lists(void **unused)
{
	(void)unused;
	bfs_on("0 1\n1 2\n2 3\n3 4\n4 5\n");
	bfs_on("0 1\n7 8\n8 9");
	bfs_on("# a comment\n\n% another\r\n10\t20\r\n20,30 0.5\n");
	bfs_on("18446744073709551615 4000000000\n4000000000 5\n");
	bfs_on("3 3\n");
	bfs_on("18446744073709551616 1\n");
	bfs_on("1 2 three\n2\n");
	bfs_on("1 2x\n");
	bfs_on("#\n");
	bfs_on("1 2\n\001");
}

static void corrupt(void **unused, const char *name, int allocation)
{
	struct run r = {.corrupt = allocation + 1};
	uint8_t *input = generated(3000, 5);
	int err = execute(name, input, 3000, &r);

	(void)unused;
	if (err != FERRY_E_VERIFY || !strstr(r.ctx.message, "should be"))
		fail_msg("%s: a wrong byte was not noticed: %d %s", name, err, r.ctx.message);
	free(input);
}

/*
 * Goal: verify means something. Method: one byte of each workload's output is changed after each launch.
 */
static void one_wrong_byte_is_noticed(void **unused)
{
	static const struct {
		const char *name;
		int output; /* number of the allocation */
	} cases[] = {
		{"fill", 0},      {"copy", 1},      {"histogram", 2}, {"reduce", 2},  {"sort", 0},
		{"saxpy_i32", 1}, {"saxpy_f32", 1}, {"gemm", 2},      {"stencil", 0}, {"bfs", 2},
		{"chase", 1},     {"random", 0},    {"pingpong", 0},  {"bad", 0},
	};

	for (size_t i = 0; i < FERRY_ARRAY_SIZE(cases); i++)
		corrupt(unused, cases[i].name, cases[i].output);
}

/*
 * Goal: whatever call fails, the error comes out with a message and nothing is left. Method: fail the first, the
 * second,
 * ... call of the library, for every workload.
 */
static void every_failure_unwinds(void **unused)
{
	uint8_t *input = generated(140000, 5);

	(void)unused;
	for (size_t k = 0; ferry_workloads[k]; k++) {
		size_t bytes = strcmp(ferry_workloads[k]->name, "sort") ? 1000 : 140000;

		for (uint64_t n = 1; !is_object(ferry_workloads[k]); n++) {
			struct run r = {.fail_at = n};
			int err = execute(ferry_workloads[k]->name, input, bytes, &r);

			if (!r.fail_at) {
				assert_int_equal(err, 0);
				break;
			}
			assert_int_not_equal(err, 0);
			assert_true(strlen(r.ctx.message) > 0);
		}
	}
	free(input);
}

static int stop_at(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *calls = arg;

	assert_true(done <= total);
	return *calls && !--*calls;
}

/*
 * Goal: progress can stop a workload at any step, and nothing is left. Method: stop at the first, second, ... call.
 */
static void progress_can_stop_it(void **unused)
{
	uint8_t *input = generated(140000, 5);
	uint64_t stopped = 0;

	(void)unused;
	for (uint64_t n = 1;; n++) {
		uint64_t calls = n;
		struct run r = {.ctx = {.progress = stop_at, .progress_arg = &calls}};
		int err = execute("sort", input, 140000, &r);

		if (!err)
			break;
		assert_int_equal(err, FERRY_E_KILLED);
		stopped++;
	}
	assert_true(stopped > 20);
	free(input);
}

/*
 * Goal: repetitions start from the input each time. Method: three of each, of which every one is verified.
 */
static void repetitions_start_over(void **unused)
{
	uint8_t *input = generated(5000, 8);

	(void)unused;
	for (size_t k = 0; ferry_workloads[k]; k++) {
		struct run once = {0}, thrice = {.ctx = {.repeat = 3}};

		if (is_object(ferry_workloads[k]))
			continue;
		assert_int_equal(execute(ferry_workloads[k]->name, input, 5000, &once), 0);
		assert_int_equal(execute(ferry_workloads[k]->name, input, 5000, &thrice), 0);
		assert_uint_equal(thrice.ctx.launches, 3 * once.ctx.launches);
		assert_uint_equal(thrice.ctx.managed_bytes, once.ctx.managed_bytes);
		assert_true(once.ctx.insns > 0);
	}
	free(input);
}

/*
 * Goal: needs() tells what is allocated, and input_for() finds the input for it. Method: compare with what a run
 * used.
 */
static void needs_are_what_is_allocated(void **unused)
{
	static const size_t sizes[] = {1, 1000, 40000};
	uint8_t *input = generated(40000, 2);

	(void)unused;
	for (size_t k = 0; ferry_workloads[k]; k++) {
		const struct ferry_workload *w = ferry_workloads[k];

		for (size_t i = 0; i < FERRY_ARRAY_SIZE(sizes) && !is_object(w); i++) {
			struct run r = {0};

			assert_int_equal(execute(w->name, input, sizes[i], &r), 0);
			assert_uint_equal(r.ctx.managed_bytes, w->needs(sizes[i], VRAM_SMALL));
		}
		for (uint64_t managed = MIB; managed <= 32 * MIB && strcmp(w->name, "bad"); managed *= 2) {
			uint64_t bytes = ferry_workload_input_for(w, managed, 16 * MIB);

			assert_true(w->needs(bytes, 16 * MIB) >= managed);
			assert_true(w->needs(bytes, 16 * MIB) <= managed + managed / 20);
		}
	}
	free(input);
}

/*
 * Goal: a program of one's own runs over a file. Method: programs/upper.c, and the checksum of what it should do.
 */
static void an_own_program_runs(void **unused)
{
	char path[4200], text[] = "Hello, World! 3 + z", upper[] = "HELLO, WORLD! 3 + Z";
	struct run r = {.ctx = {.object_path = path}};

	(void)unused;
	snprintf(path, sizeof(path), "%s/upper.o", programs_dir);
	assert_int_equal(execute("object", text, sizeof(text) - 1, &r), 0);
	assert_uint_equal(r.ctx.output_checksum, ferry_reference_checksum(upper, sizeof(upper) - 1));
	assert_non_null(strstr(r.ctx.message, "checksum"));

	/* A kernel with other arguments, several kernels, a file that is not there, none at all. */
	snprintf(path, sizeof(path), "%s/bad.o", programs_dir);
	r = (struct run){.ctx = {.object_path = path, .entry = "bad_read"}};
	assert_int_equal(execute("object", text, 5, &r), FERRY_E_LAUNCH_ARGS);
	assert_non_null(strstr(r.ctx.message, "takes 4 arguments"));
	r = (struct run){.ctx = {.object_path = path}};
	assert_int_equal(execute("object", text, 5, &r), FERRY_E_PROGRAM_NO_ENTRY);
	assert_non_null(strstr(r.ctx.message, "bad_read, bad_write"));
	r = (struct run){.ctx = {.object_path = "/nonexistent/x.o"}};
	assert_int_equal(execute("object", text, 5, &r), FERRY_E_FILE_OPEN);
	r = (struct run){0};
	assert_int_equal(execute("object", text, 5, &r), FERRY_E_FILE_OPEN);
}

/*
 * Goal: an empty input is refused before anything is allocated. Method: every workload.
 */
static void an_empty_input_is_refused(void **unused)
{
	(void)unused;
	for (size_t k = 0; ferry_workloads[k]; k++) {
		struct run r = {0};

		assert_int_equal(execute(ferry_workloads[k]->name, "", 0, &r), FERRY_E_FILE_EMPTY);
	}
	assert_null(ferry_workload_find("nothing"));
}

/*
 * Goal: no piece of a real object file is taken for a whole one. Method: every built program, cut at every length.
 */
static void real_objects_are_refused_when_cut(void **unused)
{
	char path[4200];
	uint8_t image[16384];

	(void)unused;
	for (size_t k = 0; ferry_workloads[k]; k++) {
		struct ferry_object *object = NULL;
		size_t bytes;
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s.o", programs_dir, ferry_workloads[k]->name);
		file = fopen(path, "rb");
		if (!file)
			continue; /* saxpy_i32 and saxpy_f32 are in one file, object is in none */
		bytes = fread(image, 1, sizeof(image), file);
		fclose(file);
		assert_in_range(bytes, 500, sizeof(image) - 1);
		for (size_t length = 0; length < bytes; length++) {
			uint8_t *piece = malloc(length + 1);

			assert_non_null(piece);
			memcpy(piece, image, length);
			assert_int_equal(ferry_object_open(piece, length, &object, NULL, 0),
			                 FERRY_E_PROGRAM_TRUNCATED);
			free(piece);
		}
		assert_int_equal(ferry_object_open(image, bytes, &object, NULL, 0), 0);
		ferry_object_close(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_program_is_right_at_any_size),
		cmocka_unit_test(every_program_is_right_on_flat_input),
		cmocka_unit_test(the_number_of_threads_does_not_matter),
		cmocka_unit_test(sort_merges_chunks_of_any_order),
		cmocka_unit_test(gemm_sweeps_over_a_matrix_in_pieces),
		cmocka_unit_test(bfs_takes_edge_lists),
		cmocka_unit_test(one_wrong_byte_is_noticed),
		cmocka_unit_test(every_failure_unwinds),
		cmocka_unit_test(progress_can_stop_it),
		cmocka_unit_test(repetitions_start_over),
		cmocka_unit_test(needs_are_what_is_allocated),
		cmocka_unit_test(an_own_program_runs),
		cmocka_unit_test(an_empty_input_is_refused),
		cmocka_unit_test(real_objects_are_refused_when_cut),
	};

	find_programs();
	return cmocka_run_group_tests_name("programs/programs", tests, NULL, NULL);
}
