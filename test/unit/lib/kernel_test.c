/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: lib/kernel.c lib/kernel_space.c lib/kernel_sys.c lib/error.c */
/*
 * kernel_test.c - the backend over /dev/ferryN: opening, versions, options, errors, retries. The kernel is fake.
 */
#include "test/unit/lib/fake_kernel.h"

#define SECOND 1000000000ull

struct handle {
	const struct ferry_backend_ops *ops;
	void *self;
};

static const struct ferry_options defaults = {.size = sizeof(defaults)};

static int open_with(const struct ferry_options *options, struct handle *h)
{
	return ferry_kernel_open(options, &fake_sys, &h->ops, &h->self);
}

static struct handle opened(void)
{
	struct handle h;

	assert_int_equal(open_with(&defaults, &h), 0);
	return h;
}

static void closed(struct handle *h)
{
	h->ops->close(h->self);
	assert_uint_equal(fake.closes, 1);
}

static int request(struct handle *h, uint32_t number)
{
	struct ferry_req_migrate req = {.size = sizeof(req)};

	return h->ops->request(h->self, number, &req, sizeof(req));
}

static int fresh(void **state)
{
	(void)state;
	unsetenv("FERRY_DEVICE");
	fake_reset();
	return 0;
}

#define SAYS(word) assert_non_null(strstr(ferry_last_error(), (word)))

/* ---- open --------------------------------------------------------------------------------------------------- */

/* Goal: the node is options.node, else the environment's, else /dev/ferry0. Method: open with each, see the path. */
static void the_node_is_the_callers_the_environments_or_the_first(void **state)
{
	struct ferry_options options = defaults;
	struct handle h = opened();

	(void)state;
	assert_string_equal(fake.node, "/dev/ferry0");
	assert_int_equal(fake.open_flags, O_RDWR | O_CLOEXEC);
	h.ops->close(h.self);
	setenv("FERRY_DEVICE", "/dev/ferry7", 1);
	h = opened();
	assert_string_equal(fake.node, "/dev/ferry7");
	h.ops->close(h.self);
	options.node = "/dev/ferry3";
	assert_int_equal(open_with(&options, &h), 0);
	assert_string_equal(fake.node, "/dev/ferry3");
	h.ops->close(h.self);
	setenv("FERRY_DEVICE", "", 1);
	h = opened();
	assert_string_equal(fake.node, "/dev/ferry0");
	h.ops->close(h.self);
}

/* Goal: a node that cannot be opened says why, in words that help. Method: each errno, a word of its sentence. */
static void a_node_that_does_not_open_says_why(void **state)
{
	static const struct {
		int number;
		const char *word;
	} cases[] = {{ENOENT, "modprobe"}, {EACCES, "group render"}, {EPERM, "group render"},
	             {ENODEV, "removed"},  {ENXIO, "removed"},       {EMFILE, "Too many open files"}};
	struct handle h = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.open_number = cases[i].number;
		assert_int_equal(open_with(&defaults, &h), FERRY_E_HOST_UNAVAILABLE);
		SAYS(cases[i].word);
		SAYS("/dev/ferry0");
	}
	assert_null(h.self);
	assert_uint_equal(fake.closes, 0);
}

/* Goal: opening waits for a resume. Method: EAGAIN three times, then a node; and EAGAIN for ever. */
static void open_waits_for_a_driver_that_suspends(void **state)
{
	struct handle h;

	(void)state;
	fake.open_number = EAGAIN;
	fake.open_fails = 3;
	h = opened();
	assert_uint_equal(fake.opens, 4);
	assert_uint_equal(fake.sleeps, 3);
	closed(&h);
	fake_reset();
	fake.open_number = EAGAIN;
	assert_int_equal(open_with(&defaults, &h), FERRY_E_HOST_UNAVAILABLE);
	assert_uint_in_range(fake.now_ns, FERRY_KERNEL_GATE_WAIT_NS, FERRY_KERNEL_GATE_WAIT_NS + SECOND);
}

/* Goal: an older and a newer module are served when one version is common. Method: ranges around ours. */
static void one_common_version_is_enough(void **state)
{
	struct handle h = {0};

	(void)state;
	fake.version_min = fake.version_max = FERRY_UAPI_VERSION;
	h = opened();
	closed(&h);
	fake.version_min = FERRY_UAPI_VERSION + 1;
	fake.version_max = FERRY_UAPI_VERSION + 5;
	assert_int_equal(open_with(&defaults, &h), FERRY_E_HOST_UNAVAILABLE);
	SAYS("update the older");
	assert_uint_equal(fake.closes, 2);
	/* Without a code of the driver; and one that agrees to what was not offered. */
	fake.fails[0] = (struct fake_fail){.request = FERRY_REQ_VERSION, .times = 1, .number = EOPNOTSUPP};
	assert_int_equal(open_with(&defaults, &h), FERRY_E_HOST_UNAVAILABLE);
	SAYS("update the older");
	fake.version_min = FERRY_UAPI_VERSION;
	fake.version_lies = true;
	assert_int_equal(open_with(&defaults, &h), FERRY_E_HOST_UNAVAILABLE);
	SAYS("update the older");
	assert_uint_equal(fake.closes, 4);
}

/* Goal: a node that is something else is not taken for ours. Method: ENOTTY to VERSION; the descriptor is closed. */
static void another_drivers_device_is_recognised(void **state)
{
	struct handle h;

	(void)state;
	fake.ioctl_unknown = true;
	assert_int_equal(open_with(&defaults, &h), FERRY_E_HOST_UNAVAILABLE);
	SAYS("/dev/ferry0 is no device of Ferry");
	assert_uint_equal(fake.closes, 1);
}

/* ---- options ------------------------------------------------------------------------------------------------ */

/* Goal: who asks for nothing is asked nothing. Method: count DEVICE_INFO. */
static void defaults_cost_no_question(void **state)
{
	struct ferry_options options = {.size = sizeof(options), .cpu_faults = FERRY_CPU_FAULTS_SIGNAL};
	struct handle h;

	(void)state;
	assert_int_equal(open_with(&options, &h), 0);
	assert_uint_equal(fake.infos, 0);
	closed(&h);
}

/* Goal: what the devices have may be asked for. Method: all of it; each device is looked at. */
static void options_that_are_met_pass(void **state)
{
	struct ferry_options options = {.size = sizeof(options),
	                                .devices = 2,
	                                .sms = 3,
	                                .vram_bytes = 64ull << 20,
	                                .capabilities_off = 1ull << FERRY_CAPABILITY_FLOAT};
	struct handle h;

	(void)state;
	assert_int_equal(open_with(&options, &h), 0);
	assert_uint_equal(fake.infos, 2);
	closed(&h);
}

/* Goal: what they do not have is refused, with the way to get it. Method: one wrong option at a time. */
static void options_the_module_decides_are_refused_with_the_way(void **state)
{
	static const struct {
		struct ferry_options options;
		const char *word;
	} cases[] = {
		{{.devices = 1}, "has 2, not 1"},
		{{.sms = 4}, "has 3, not 4"},
		{{.vram_bytes = 16ull << 20}, "load ferry_soft with vram_mb=16"},
		{{.capabilities_off = 1ull << FERRY_CAPABILITY_FAULTS}, "0x1"},
		{{.seed = 1}, "/sys/kernel/debug/ferry"},
		{{.fault_entries = 4096}, "fault_entries"},
		{{.batch_max = 4}, "batch_max"},
	};
	struct handle h = {0};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(open_with(&cases[i].options, &h), FERRY_E_UNSUPPORTED);
		SAYS(cases[i].word);
		assert_uint_equal(fake.closes, i + 1);
	}
	assert_null(h.self);
}

/* ---- errors ------------------------------------------------------------------------------------------------- */

/* Goal: the driver's own code is what the caller gets. Method: every code there is, beside an errno that means less.
 */
static void the_drivers_code_is_passed_on(void **state)
{
	struct handle h = opened();

	(void)state;
	for (uint32_t e = 1; e < FERRY_ERROR_COUNT; e++) {
		if (e == FERRY_E_GATE_CLOSED || e == FERRY_E_KILLED)
			continue;
		fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, 1, EIO, e};
		assert_int_equal(request(&h, FERRY_REQ_MIGRATE), (int)e);
		assert_string_equal(ferry_last_error(), "");
	}
	/* It has said so, whatever the call returned. */
	fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, 1, 0, FERRY_E_PMM_FULL};
	assert_int_equal(request(&h, FERRY_REQ_MIGRATE), FERRY_E_PMM_FULL);
	closed(&h);
}

/* Goal: without a code, errno becomes one; so does a code of the future. Method: each errno alone, and beside 4711.
 */
static void errno_becomes_a_code_where_the_driver_gives_none_we_know(void **state)
{
	static const struct {
		int number, error;
	} cases[] = {{ENODEV, FERRY_E_DEVICE_LOST}, {EFAULT, FERRY_E_CALL_ADDRESS}, {E2BIG, FERRY_E_CALL_SIZE},
	             {EPERM, FERRY_E_FOREIGN},      {ENOTTY, FERRY_E_REQUEST},      {EOPNOTSUPP, FERRY_E_UNSUPPORTED},
	             {ENOMEM, FERRY_E_CALL_NOMEM},  {EINVAL, FERRY_E_INVAL},        {EBADF, FERRY_E_INVAL},
	             {EBUSY, FERRY_E_BUSY},         {ETIMEDOUT, FERRY_E_TIMEOUT},   {EIO, FERRY_E_BUG}};
	struct handle h = opened();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t code = 0; code < 5000; code += 4711) {
			fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, 1, cases[i].number, code};
			assert_int_equal(request(&h, FERRY_REQ_MIGRATE), cases[i].error);
			SAYS(strerror(cases[i].number));
		}
	}
	closed(&h);
}

/* Goal: a number that does not fit an ioctl reaches no driver. Method: those that would become another's. */
static void request_numbers_beyond_a_byte_stay_here(void **state)
{
	struct handle h = opened();
	uint32_t before = fake.ioctls;

	(void)state;
	assert_int_equal(request(&h, 256 + FERRY_REQ_MIGRATE), FERRY_E_REQUEST);
	assert_int_equal(request(&h, UINT32_MAX), FERRY_E_REQUEST);
	assert_uint_equal(fake.ioctls, before);
	assert_int_equal(request(&h, 255), 0);
	assert_uint_equal(fake.ioctl_request, FERRY_IOCTL(255));
	closed(&h);
}

/* ---- retries ------------------------------------------------------------------------------------------------ */

/* Goal: a suspend is not seen by the caller. Method: the gate is closed nine times; the sleeps grow, to a bound. */
static void a_closed_gate_is_waited_for(void **state)
{
	struct handle h = opened();

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, 9, EAGAIN, FERRY_E_GATE_CLOSED};
	assert_int_equal(request(&h, FERRY_REQ_MIGRATE), 0);
	assert_uint_equal(fake.sleeps, 9);
	assert_uint_equal(fake.longest_sleep_ns, SECOND / 10);
	closed(&h);
}

/* Goal: a gate that never opens is reported. Method: closed for ever; time stands at the bound. */
static void a_gate_that_stays_closed_is_an_error(void **state)
{
	struct handle h = opened();
	uint64_t start = fake.now_ns;

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, UINT32_MAX, EAGAIN, FERRY_E_GATE_CLOSED};
	assert_int_equal(request(&h, FERRY_REQ_MIGRATE), FERRY_E_GATE_CLOSED);
	assert_uint_equal(fake.now_ns - start, FERRY_KERNEL_GATE_WAIT_NS);
	closed(&h);
}

/* Goal: other codes with EAGAIN are the caller's business. Method: a full channel: one call, no sleep. */
static void only_the_gate_is_waited_for(void **state)
{
	struct handle h = opened();

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, 2, EAGAIN, FERRY_E_CHANNEL_FULL};
	assert_int_equal(request(&h, FERRY_REQ_MIGRATE), FERRY_E_CHANNEL_FULL);
	assert_uint_equal(fake.fails[0].times, 1);
	assert_uint_equal(fake.sleeps, 0);
	closed(&h);
}

/* Goal: a request a signal ended is made again, not for ever. Method: as often as allowed, and once more. */
static void an_interrupted_request_is_made_again(void **state)
{
	struct handle h = opened();

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, FERRY_KERNEL_INTERRUPTS_MAX, EINTR, 0};
	assert_int_equal(request(&h, FERRY_REQ_MIGRATE), 0);
	fake.fails[0] = (struct fake_fail){FERRY_REQ_MIGRATE, FERRY_KERNEL_INTERRUPTS_MAX + 1, EINTR, FERRY_E_KILLED};
	assert_int_equal(request(&h, FERRY_REQ_MIGRATE), FERRY_E_KILLED);
	closed(&h);
}

/* ---- WAIT --------------------------------------------------------------------------------------------------- */

static int wait_for(struct handle *h, uint64_t timeout_ns, struct ferry_req_wait *req)
{
	*req = (struct ferry_req_wait){.size = sizeof(*req), .launch = 1, .timeout_ns = timeout_ns};
	return h->ops->request(h->self, FERRY_REQ_WAIT, req, sizeof(*req));
}

/* Goal: a long wait is cut, so that signals are handled meanwhile. Method: a launch of 1.1 s; for ever, and 2 s. */
static void a_long_wait_is_made_of_short_ones(void **state)
{
	struct ferry_req_wait req;
	struct handle h = opened();

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t timeout_ns = i ? 2 * SECOND : UINT64_MAX;

		fake.waits = 0;
		fake.wait_ends_ns = fake.now_ns + SECOND + SECOND / 10;
		assert_int_equal(wait_for(&h, timeout_ns, &req), 0);
		assert_uint_equal(req.insns, 77);
		assert_uint_equal(req.timeout_ns, timeout_ns);
		assert_uint_equal(fake.waits, 5);
		assert_uint_equal(fake.longest_wait_ns, FERRY_KERNEL_WAIT_SLICE_NS);
		assert_uint_equal(fake.now_ns, fake.wait_ends_ns);
	}
	closed(&h);
}

/* Goal: the caller's timeout is kept to the nanosecond. Method: limits that are no multiple of a slice; 0 asks once.
 */
static void a_wait_ends_when_its_time_is_up(void **state)
{
	struct ferry_req_wait req;
	struct handle h = opened();
	uint64_t start = fake.now_ns;

	(void)state;
	fake.wait_ends_ns = UINT64_MAX;
	assert_int_equal(wait_for(&h, SECOND + 1, &req), FERRY_E_TIMEOUT);
	assert_uint_equal(fake.now_ns - start, SECOND + 1);
	assert_uint_equal(req.timeout_ns, SECOND + 1);
	fake.waits = 0;
	assert_int_equal(wait_for(&h, 0, &req), FERRY_E_TIMEOUT);
	assert_uint_equal(fake.waits, 1);
	closed(&h);
}

/* Goal: signals do not end a wait. Method: a thousand of them, then the launch is over; it must have slept too. */
static void signals_do_not_end_a_wait(void **state)
{
	struct ferry_req_wait req;
	struct handle h = opened();

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_WAIT, 1000, EINTR, 0};
	assert_int_equal(wait_for(&h, UINT64_MAX, &req), 0);
	assert_uint_equal(fake.sleeps, 1000 - FERRY_KERNEL_INTERRUPTS_MAX);
	closed(&h);
}

/* Goal: a suspend longer than the wait is a timeout, a shorter one nothing. Method: the gate closed for ever; for a
 * bit. */
static void a_wait_over_a_suspend_keeps_its_time(void **state)
{
	struct ferry_req_wait req;
	struct handle h = opened();
	uint64_t start = fake.now_ns;

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_WAIT, UINT32_MAX, EAGAIN, FERRY_E_GATE_CLOSED};
	assert_int_equal(wait_for(&h, SECOND, &req), FERRY_E_TIMEOUT);
	assert_uint_equal(fake.now_ns - start, SECOND);
	assert_int_equal(wait_for(&h, UINT64_MAX, &req), FERRY_E_GATE_CLOSED);
	fake.fails[0].times = 3;
	assert_int_equal(wait_for(&h, UINT64_MAX, &req), 0);
	closed(&h);
}

/* Goal: a wait that is too short to be one is the driver's to refuse. Method: a short buffer arrives as it is. */
static void a_wait_of_the_wrong_size_is_the_drivers_to_judge(void **state)
{
	struct ferry_req_wait req = {.size = 8};
	struct handle h = opened();

	(void)state;
	fake.fails[0] = (struct fake_fail){FERRY_REQ_WAIT, 1, EINVAL, FERRY_E_REQUEST_SIZE};
	assert_int_equal(h.ops->request(h.self, FERRY_REQ_WAIT, &req, 8), FERRY_E_REQUEST_SIZE);
	fake.fails[0] = (struct fake_fail){FERRY_REQ_WAIT, 1, EFAULT, 0};
	assert_int_equal(h.ops->request(h.self, FERRY_REQ_WAIT, NULL, sizeof(req)), FERRY_E_CALL_ADDRESS);
	closed(&h);
}

/* ---- elsewhere ---------------------------------------------------------------------------------------------- */

/* Goal: knobs and device counters say where they are. Method: ask for one of each. */
static void knobs_and_device_counters_are_in_debugfs(void **state)
{
	struct handle h = opened();
	uint64_t value = 5;

	(void)state;
	assert_int_equal(h.ops->inject(h.self, 0, "hang", 1), FERRY_E_UNSUPPORTED);
	SAYS("/sys/kernel/debug/ferry/");
	SAYS("hang");
	assert_int_equal(h.ops->device_counter(h.self, 0, "insns", &value), FERRY_E_UNSUPPORTED);
	SAYS("/sys/kernel/debug/ferry/");
	assert_uint_equal(value, 5);
	closed(&h);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_node_is_the_callers_the_environments_or_the_first),
		T(a_node_that_does_not_open_says_why),
		T(open_waits_for_a_driver_that_suspends),
		T(one_common_version_is_enough),
		T(another_drivers_device_is_recognised),
		T(defaults_cost_no_question),
		T(options_that_are_met_pass),
		T(options_the_module_decides_are_refused_with_the_way),
		T(the_drivers_code_is_passed_on),
		T(errno_becomes_a_code_where_the_driver_gives_none_we_know),
		T(request_numbers_beyond_a_byte_stay_here),
		T(a_closed_gate_is_waited_for),
		T(a_gate_that_stays_closed_is_an_error),
		T(only_the_gate_is_waited_for),
		T(an_interrupted_request_is_made_again),
		T(a_long_wait_is_made_of_short_ones),
		T(a_wait_ends_when_its_time_is_up),
		T(signals_do_not_end_a_wait),
		T(a_wait_over_a_suspend_keeps_its_time),
		T(a_wait_of_the_wrong_size_is_the_drivers_to_judge),
		T(knobs_and_device_counters_are_in_debugfs),
	};

	return cmocka_run_group_tests_name("lib/kernel", tests, NULL, NULL);
}
