/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: lib/host.c lib/kernel.c lib/kernel_space.c lib/kernel_sys.c lib/error.c */
/*
 * host_test.c - options of every age, and which host is opened. The kernel is fake, and so is the embedded driver.
 */
#include "test/unit/lib/fake_kernel.h"

#include "lib/host.h"

static struct ferry_options embedded_options; /* what the embedded driver was opened with */
static uint32_t embedded_opens;
static const struct ferry_backend_ops embedded_ops;

int ferry_embedded_open(const struct ferry_options *options, const struct ferry_backend_ops **ops, void **backend)
{
	embedded_opens++;
	embedded_options = *options;
	*ops = &embedded_ops;
	*backend = &embedded_options;
	return 0;
}

struct opened {
	const char *host;
	const struct ferry_backend_ops *ops;
	void *self;
};

static int open_host(const struct ferry_options *options, struct opened *o)
{
	struct ferry_options taken;
	int err = ferry_options_take(options, &taken);

	*o = (struct opened){0};
	return err ? err : ferry_host_open(&taken, &fake_sys, &o->host, &o->ops, &o->self);
}

static int fresh(void **state)
{
	(void)state;
	unsetenv("FERRY_DEVICE");
	fake_reset();
	embedded_opens = 0;
	return 0;
}

/* Goal: the default is the process, with every default filled in, and no look at a device. Method: NULL. */
static void the_default_is_the_process(void **state)
{
	struct opened o;

	(void)state;
	assert_int_equal(open_host(NULL, &o), 0);
	assert_string_equal(o.host, "process");
	assert_uint_equal(embedded_options.devices, 1);
	assert_uint_in_range(embedded_options.sms, 1, 8);
	assert_uint_equal(embedded_options.vram_bytes, 64u << 20);
	assert_uint_equal(fake.opens, 0);
}

/* Goal: auto takes the kernel's where it is available. Method: a node that works; the process host is not opened. */
static void auto_takes_the_kernels_where_it_is(void **state)
{
	struct ferry_options options = {.size = sizeof(options), .host = "auto"};
	struct opened o;

	(void)state;
	assert_int_equal(open_host(&options, &o), 0);
	assert_string_equal(o.host, "kernel");
	assert_uint_equal(embedded_opens, 0);
	o.ops->close(o.self);
}

/* Goal: auto is the process where the kernel's is not available. Method: no node; none that may be opened; no
 * version. */
static void auto_is_the_process_where_there_is_no_kernel_host(void **state)
{
	static const int numbers[] = {ENOENT, EACCES, ENODEV, 0};
	struct ferry_options options = {.size = sizeof(options), .host = "auto", .vram_bytes = 16u << 20};
	struct opened o;

	(void)state;
	fake.version_min = FERRY_UAPI_VERSION + 1;
	for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		fake.open_number = numbers[i];
		assert_int_equal(open_host(&options, &o), 0);
		assert_string_equal(o.host, "process");
		assert_uint_equal(embedded_opens, i + 1);
		assert_uint_equal(embedded_options.vram_bytes, 16u << 20);
	}
	assert_uint_equal(fake.opens, 4);
	assert_uint_equal(fake.closes, 1);
}

/* Goal: auto does not go elsewhere because of what is asked for. Method: memory the module does not have. */
static void auto_does_not_choose_by_the_options(void **state)
{
	struct ferry_options options = {.size = sizeof(options), .host = "auto", .vram_bytes = 16u << 20};
	struct opened o;

	(void)state;
	assert_int_equal(open_host(&options, &o), FERRY_E_UNSUPPORTED);
	assert_uint_equal(embedded_opens, 0);
	assert_null(o.host);
}

/* Goal: who asks for the kernel's gets that or an error. Method: no node. */
static void kernel_is_never_the_process(void **state)
{
	struct ferry_options options = {.size = sizeof(options), .host = "kernel"};
	struct opened o;

	(void)state;
	assert_int_equal(open_host(&options, &o), 0);
	assert_string_equal(o.host, "kernel");
	o.ops->close(o.self);
	fake.open_number = ENOENT;
	assert_int_equal(open_host(&options, &o), FERRY_E_HOST_UNAVAILABLE);
	assert_true(strlen(ferry_last_error()) > 0);
	assert_uint_equal(embedded_opens, 0);
}

/* Goal: hosts that do not exist, and a node for a host without nodes, are refused. Method: one of each. */
static void a_host_that_makes_no_sense_is_refused(void **state)
{
	struct ferry_options moon = {.size = sizeof(moon), .host = "moon"};
	struct ferry_options node = {.size = sizeof(node), .node = "/dev/ferry1"};
	struct opened o;

	(void)state;
	assert_int_equal(open_host(&moon, &o), FERRY_E_INVAL);
	assert_int_equal(open_host(&node, &o), FERRY_E_INVAL);
	assert_uint_equal(embedded_opens + fake.opens, 0);
	/* The environment is for those who ask for the kernel's. */
	setenv("FERRY_DEVICE", "/dev/ferry1", 1);
	assert_int_equal(open_host(NULL, &o), 0);
	assert_string_equal(o.host, "process");
}

/* Goal: options of an older program are taken, its memory beyond them unread. Method: the first version's size. */
static void options_of_an_older_program_are_taken(void **state)
{
	struct ferry_options in = {.size = (uint32_t)offsetof(struct ferry_options, node),
	                           .sms = 3,
	                           .node = "not a part of that version"};
	struct ferry_options out;

	(void)state;
	assert_int_equal(ferry_options_take(&in, &out), 0);
	assert_uint_equal(out.size, sizeof(out));
	assert_uint_equal(out.sms, 3);
	assert_null(out.node);
	in.size--;
	assert_int_equal(ferry_options_take(&in, &out), FERRY_E_INVAL);
}

/* Goal: a newer program's are taken when it asks for nothing new. Method: zeroes behind, a byte that is not, no size.
 */
static void options_of_a_newer_program_are_taken_when_the_rest_is_zero(void **state)
{
	struct {
		struct ferry_options known;
		char more[64];
	} in = {.known = {.size = sizeof(in), .batch_max = 7}};
	struct ferry_options out;

	(void)state;
	assert_int_equal(ferry_options_take(&in.known, &out), 0);
	assert_uint_equal(out.batch_max, 7);
	in.more[63] = 1;
	assert_int_equal(ferry_options_take(&in.known, &out), FERRY_E_INVAL);
	in.known.size = UINT32_MAX;
	assert_int_equal(ferry_options_take(&in.known, &out), FERRY_E_INVAL);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_default_is_the_process),
		T(auto_takes_the_kernels_where_it_is),
		T(auto_is_the_process_where_there_is_no_kernel_host),
		T(auto_does_not_choose_by_the_options),
		T(kernel_is_never_the_process),
		T(a_host_that_makes_no_sense_is_refused),
		T(options_of_an_older_program_are_taken),
		T(options_of_a_newer_program_are_taken_when_the_rest_is_zero),
	};

	return cmocka_run_group_tests_name("lib/host", tests, NULL, NULL);
}
