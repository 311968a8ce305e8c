/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * threads_test.c - several user threads at once, on one handle: everything that can be asked for, with little device
 * memory, and every byte looked at.
 *
 *   private   each thread has allocations of its own, and a model of what is in them
 *   shared    all threads work in the same pages; word i belongs to thread i % THREADS
 *   lost      a device dies while they work; nobody may hang, and everything must be given back
 *   closing   handles close while launches run and faults are in flight
 *
 * A thread that fails writes down why and stops; the test looks at that after the join (CMocka knows one thread).
 *
 * TEST-SOURCES:
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>

#include "test/e2e/e2e.h"

#define THREADS 4u
#define SLOTS 4u /* allocations of one thread */
#define WORDS_A_PAGE (E2E_PAGE / sizeof(uint64_t))
#define SHARED_PAGES 1536u          /* 6 MiB: more than a device has */
#define SHARED_STEP (THREADS * 67u) /* words between two of one thread that a turn looks at: 2 a page or so */

#if defined(__SANITIZE_THREAD__)
#define RUN_NS 2000000000ull
#else
#define RUN_NS 400000000ull
#endif

/* ---- threads --------------------------------------------------------------------------------------------- */

struct slot {
	uint64_t *data;
	uint64_t pages;
	uint64_t model[3 * 512]; /* of every word of that page */
};

struct team;

struct worker {
	struct team *team;
	uint32_t number;
	uint64_t random;
	uint64_t turns;
	struct slot slot[SLOTS];
	char why[256]; /* it failed */
};

struct team {
	struct ferry *f;
	uint32_t devices;
	struct ferry_program *add[2], *add_every[2];
	uint64_t end_ns;
	uint64_t *shared;
	bool lossy; /* a device may be lost: codes that say so are fine */
	struct worker worker[THREADS];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* A number below n. xorshift. */
static uint64_t pick(struct worker *w, uint64_t n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % n;
}

static bool failed(struct worker *w, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, args);
	va_end(args);
	return false;
}

static bool went_well(struct worker *w, const char *what, int error)
{
	if (!error || (w->team->lossy && error == FERRY_E_DEVICE_LOST))
		return true;
	return failed(w, "%s: %s: %s", what, ferry_error_name(error), ferry_last_error());
}

static void team_load(struct team *team)
{
	const char *build = getenv("FERRY_BUILD");
	char path[4096];

	snprintf(path, sizeof(path), "%s/test/e2e/kernels/probe.o", build ? build : "build");
	for (uint32_t d = 0; d < team->devices; d++) {
		E2E_OK(ferry_program_load_file(team->f, d, path, "add", &team->add[d]));
		E2E_OK(ferry_program_load_file(team->f, d, path, "add_every", &team->add_every[d]));
	}
}

static void team_close(struct team *team)
{
	for (uint32_t d = 0; d < team->devices; d++) {
		E2E_OK(ferry_program_unload(team->add[d]));
		E2E_OK(ferry_program_unload(team->add_every[d]));
	}
	E2E_OK(ferry_close(team->f));
}

static void team_open(struct team *team, uint32_t devices)
{
	struct ferry_options options = {
		.size = sizeof(options), .devices = devices, .sms = 2, .vram_bytes = E2E_VRAM};

	memset(team, 0, sizeof(*team));
	team->devices = devices;
	E2E_OK(ferry_open(&options, &team->f));
	team_load(team);
}

/* All threads run fn until the time is up; the first that failed fails the test. */
static void team_run(struct team *team, void *(*fn)(void *), void (*meanwhile)(struct team *))
{
	pthread_t threads[THREADS];

	team->end_ns = now_ns() + RUN_NS;
	for (uint32_t i = 0; i < THREADS; i++) {
		team->worker[i].team = team;
		team->worker[i].number = i;
		team->worker[i].random = 0x9e3779b97f4a7c15ull * (i + 1);
		assert_int_equal(pthread_create(&threads[i], NULL, fn, &team->worker[i]), 0);
	}
	if (meanwhile)
		meanwhile(team);
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		if (team->worker[i].why[0])
			fail_msg("thread %u, turn %llu: %s", i, (unsigned long long)team->worker[i].turns,
			         team->worker[i].why);
}

static int run(struct worker *w, struct ferry_program *program, const uint64_t *args)
{
	struct ferry_launch launch = {
		.program = program, .grid = {2}, .block = {64}, .arg_count = ferry_program_args(program)};
	uint32_t device = program == w->team->add[1] || program == w->team->add_every[1];
	uint64_t id;
	int error;

	memcpy(launch.args, args, launch.arg_count * sizeof(*args));
	error = ferry_launch(w->team->f, &launch, &id);
	return error ? error : ferry_wait(w->team->f, device, id, E2E_WAIT_NS, NULL);
}

static int advise_something(struct worker *w, const void *p, uint64_t bytes)
{
	static const enum ferry_advice advices[] = {FERRY_ADVICE_PREFERRED,   FERRY_ADVICE_PREFERRED,
	                                            FERRY_ADVICE_ACCESSED_BY, FERRY_ADVICE_NOT_ACCESSED_BY,
	                                            FERRY_ADVICE_READ_MOSTLY, FERRY_ADVICE_NOT_READ_MOSTLY};
	enum ferry_advice advice = advices[pick(w, sizeof(advices) / sizeof(advices[0]))];
	uint32_t where = (uint32_t)pick(w, w->team->devices);

	if (advice == FERRY_ADVICE_READ_MOSTLY || advice == FERRY_ADVICE_NOT_READ_MOSTLY)
		where = FERRY_WHERE_NONE;
	else if (advice == FERRY_ADVICE_PREFERRED && pick(w, 2))
		where = pick(w, 2) ? FERRY_WHERE_NONE : FERRY_WHERE_HOST;
	return ferry_advise(w->team->f, p, bytes, advice, where);
}

static uint32_t somewhere(struct worker *w)
{
	return pick(w, 3) ? (uint32_t)pick(w, w->team->devices) : FERRY_WHERE_HOST;
}

/* ---- private memory --------------------------------------------------------------------------------------- */

static bool slot_check(struct worker *w, const struct slot *s, uint64_t page)
{
	for (uint64_t i = 0; i < WORDS_A_PAGE; i += 73)
		if (s->data[page * WORDS_A_PAGE + i] != s->model[page])
			return failed(w, "page %llu, word %llu: %llu, not %llu", (unsigned long long)page,
			              (unsigned long long)i, (unsigned long long)s->data[page * WORDS_A_PAGE + i],
			              (unsigned long long)s->model[page]);
	return true;
}

static bool slot_alloc(struct worker *w, struct slot *s)
{
	void *p;

	memset(s, 0, sizeof(*s));
	s->pages = 1 + pick(w, sizeof(s->model) / sizeof(s->model[0]));
	if (!went_well(w, "alloc", ferry_alloc(w->team->f, s->pages * E2E_PAGE, 0, &p)))
		return false;
	s->data = p;
	return true;
}

static bool slot_free(struct worker *w, struct slot *s)
{
	bool ok = true;

	for (uint64_t page = 0; ok && !w->team->lossy && page < s->pages; page += 1 + pick(w, 32))
		ok = slot_check(w, s, page);
	ok = went_well(w, "free", ferry_free(w->team->f, s->data)) && ok;
	s->data = NULL;
	return ok;
}

static bool slot_add(struct worker *w, struct slot *s, uint64_t first, uint64_t pages, uint64_t value)
{
	const uint64_t args[] = {(uintptr_t)(s->data + first * WORDS_A_PAGE), pages * WORDS_A_PAGE, value};

	if (!went_well(w, "add", run(w, w->team->add[pick(w, w->team->devices)], args)))
		return false;
	for (uint64_t page = first; page < first + pages; page++)
		s->model[page] += value;
	return true;
}

static bool slot_turn(struct worker *w, struct slot *s)
{
	uint64_t first = pick(w, s->pages), pages = 1 + pick(w, s->pages - first < 40 ? s->pages - first : 40);
	void *p = s->data + first * WORDS_A_PAGE;
	struct ferry *f = w->team->f;

	switch (pick(w, w->team->lossy ? 6 : 8)) {
	case 0:
		return slot_free(w, s);
	case 1:
		return went_well(w, "advise", advise_something(w, p, pages * E2E_PAGE));
	case 2:
		return went_well(w, "prefetch", ferry_prefetch(f, p, pages * E2E_PAGE, somewhere(w)));
	case 3:
		return went_well(w, "prefetch all", ferry_prefetch(f, s->data, s->pages * E2E_PAGE, somewhere(w)));
	case 4:
	case 5:
		return slot_add(w, s, first, pages, 1 + pick(w, 1000));
	case 6:
		for (uint64_t page = first; page < first + pages; page++) {
			s->model[page] = pick(w, 1000000);
			for (uint64_t i = 0; i < WORDS_A_PAGE; i++)
				s->data[page * WORDS_A_PAGE + i] = s->model[page];
		}
		return true;
	default:
		for (uint64_t page = first; page < first + pages; page++)
			if (!slot_check(w, s, page))
				return false;
		return true;
	}
}

static void *private_main(void *arg)
{
	struct worker *w = arg;
	bool ok = true;

	for (; ok && now_ns() < w->team->end_ns; w->turns++) {
		struct slot *s = &w->slot[pick(w, SLOTS)];

		ok = s->data ? slot_turn(w, s) : slot_alloc(w, s);
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		if (w->slot[i].data && !slot_free(w, &w->slot[i]))
			break;
	return NULL;
}

static void private_on(uint32_t devices)
{
	static struct team team;

	team_open(&team, devices);
	team_run(&team, private_main, NULL);
	assert_uint_equal(e2e_counter(team.f, FERRY_COUNTER_lock_violations), 0);
	assert_uint_equal(e2e_counter(team.f, FERRY_COUNTER_managed_bytes), 0);
	assert_true(e2e_counter(team.f, FERRY_COUNTER_evictions) > 0);
	team_close(&team);
}

/* Goal: threads that share nothing but the driver do not disturb each other. Method: random requests, a model each.
 */
static void threads_with_memory_of_their_own_keep_their_bytes(void **state)
{
	(void)state;
	private_on(1);
}

/* Goal: the same when pages also move between two devices. */
static void threads_on_two_devices_keep_their_bytes(void **state)
{
	(void)state;
	private_on(2);
}

/* ---- shared pages ----------------------------------------------------------------------------------------- */

/* Words of this thread in the shared pages: number, number + SHARED_STEP, ... All hold the same value. */
static uint64_t shared_count(const struct worker *w)
{
	return (SHARED_PAGES * WORDS_A_PAGE - w->number + SHARED_STEP - 1) / SHARED_STEP;
}

static bool shared_cpu(struct worker *w, uint64_t *value, uint64_t plus)
{
	for (uint64_t i = 0; i < shared_count(w); i++) {
		uint64_t *word = &w->team->shared[w->number + i * SHARED_STEP];

		if (*word != *value)
			return failed(w, "word %llu: %llu, not %llu", (unsigned long long)i,
			              (unsigned long long)*word, (unsigned long long)*value);
		*word += plus;
	}
	*value += plus;
	return true;
}

static bool shared_gpu(struct worker *w, uint64_t *value, uint64_t plus)
{
	const uint64_t args[] = {(uintptr_t)w->team->shared, w->number, SHARED_STEP, shared_count(w), plus};

	*value += plus;
	return went_well(w, "add_every", run(w, w->team->add_every[pick(w, w->team->devices)], args));
}

static bool shared_move(struct worker *w)
{
	uint64_t first = pick(w, SHARED_PAGES), pages = 1 + pick(w, SHARED_PAGES - first);
	void *p = w->team->shared + first * WORDS_A_PAGE;

	if (pick(w, 3))
		return went_well(w, "prefetch", ferry_prefetch(w->team->f, p, pages * E2E_PAGE, somewhere(w)));
	return went_well(w, "advise", advise_something(w, p, pages * E2E_PAGE));
}

static void *shared_main(void *arg)
{
	struct worker *w = arg;
	uint64_t value = 0;
	bool ok = true;

	for (; ok && now_ns() < w->team->end_ns; w->turns++) {
		uint64_t what = pick(w, 5);

		ok = what == 0   ? shared_gpu(w, &value, 1 + pick(w, 9))
		     : what == 1 ? shared_cpu(w, &value, 1 + pick(w, 9))
		     : what == 2 ? shared_cpu(w, &value, 0)
		                 : shared_move(w);
	}
	if (ok)
		(void)shared_cpu(w, &value, 0);
	return NULL;
}

static void shared_on(uint32_t devices)
{
	static struct team team;

	team_open(&team, devices);
	E2E_OK(ferry_alloc(team.f, SHARED_PAGES * E2E_PAGE, 0, (void **)&team.shared));
	team_run(&team, shared_main, NULL);
	assert_uint_equal(e2e_counter(team.f, FERRY_COUNTER_lock_violations), 0);
	team_close(&team);
}

/*
 * Goal: no write is lost when CPU and GPU threads write different words of the same pages, whatever moves the pages.
 * Method: each thread adds to its words, on either side, and knows what they hold.
 */
static void writers_of_the_same_pages_lose_nothing(void **state)
{
	(void)state;
	shared_on(1);
}

/* Goal: the same with two devices. */
static void writers_on_two_devices_lose_nothing(void **state)
{
	(void)state;
	shared_on(2);
}

/* ---- a device dies ---------------------------------------------------------------------------------------- */

static void pull_the_device(struct team *team)
{
	const struct timespec half = {0, RUN_NS / 4 % 1000000000};

	nanosleep(&half, NULL);
	E2E_OK(ferry_inject(team->f, 0, "off-bus", 1));
}

static void stop_a_copy(struct team *team)
{
	const struct timespec half = {0, RUN_NS / 4 % 1000000000};

	nanosleep(&half, NULL);
	E2E_OK(ferry_inject(team->f, 0, "copy-fail", 1));
}

static void lose_while(void (*how)(struct team *))
{
	static struct team team;

	team_open(&team, 2);
	team.lossy = true;
	team_run(&team, private_main, how);
	assert_uint_equal(e2e_counter(team.f, FERRY_COUNTER_lock_violations), 0);
	assert_uint_equal(e2e_counter(team.f, FERRY_COUNTER_managed_bytes), 0);
	team_close(&team);
}

/* Goal: one of two devices goes off the bus under load; all calls return and all is given back. */
static void a_device_that_goes_leaves_nobody_waiting(void **state)
{
	(void)state;
	lose_while(pull_the_device);
}

/* Goal: the same when a copy fails, and the device goes on with everything else. */
static void a_copy_that_fails_leaves_nobody_waiting(void **state)
{
	(void)state;
	lose_while(stop_a_copy);
}

/*
 * Goal: a device that was given up touches nothing any more, though it would go on. Method: a program writes to host
 * pages for ever; a copy fails; once the memory is freed, the program must have come to a halt.
 */
static void a_device_that_was_given_up_writes_no_more(void **state)
{
	struct ferry_options options = {.size = sizeof(options), .sms = 2, .vram_bytes = E2E_VRAM};
	struct ferry_program *scribble;
	struct ferry *f;
	uint64_t *data, *other, id, before, after;
	const uint64_t count = 16 * WORDS_A_PAGE;
	const struct timespec while_it_runs = {0, 50000000};

	(void)state;
	E2E_OK(ferry_open(&options, &f));
	scribble = e2e_program(f, "scribble");
	E2E_OK(ferry_alloc(f, count * 8, 0, (void **)&data));
	E2E_OK(ferry_alloc(f, count * 8, 0, (void **)&other));
	E2E_OK(ferry_advise(f, data, count * 8, FERRY_ADVICE_PREFERRED, FERRY_WHERE_HOST));
	id = e2e_launch(f, scribble, 1, (uintptr_t)data, count, 0);
	while (!__atomic_load_n(&data[count - 1], __ATOMIC_ACQUIRE))
		;
	*other = 1;
	E2E_OK(ferry_inject(f, 0, "copy-fail", 1));
	E2E_ERROR(DEVICE_LOST, ferry_migrate(f, other, E2E_PAGE, 0));
	E2E_ERROR(DEVICE_LOST, ferry_wait(f, 0, id, E2E_WAIT_NS, NULL));
	E2E_OK(ferry_free(f, data));
	nanosleep(&while_it_runs, NULL); /* an engine counts when it comes to rest */
	E2E_OK(ferry_device_counter(f, 0, "insns", &before));
	nanosleep(&while_it_runs, NULL);
	E2E_OK(ferry_device_counter(f, 0, "insns", &after));
	assert_uint_equal(after, before);
	E2E_OK(ferry_program_unload(scribble));
	E2E_OK(ferry_close(f));
}

/* ---- close ------------------------------------------------------------------------------------------------ */

static void *closing_main(void *arg)
{
	struct worker *w = arg;
	bool ok = true;

	for (; ok && now_ns() < w->team->end_ns; w->turns++) {
		struct ferry_options options = {
			.size = sizeof(options), .devices = 2, .sms = 2, .vram_bytes = E2E_VRAM, .batch_max = 4};
		struct ferry_launch launch = {.grid = {4}, .block = {64}, .arg_count = 3};
		struct ferry_program *program;
		struct ferry *f;
		const char *build = getenv("FERRY_BUILD");
		char path[4096];
		uint64_t id;
		void *p;

		snprintf(path, sizeof(path), "%s/test/e2e/kernels/probe.o", build ? build : "build");
		if (!went_well(w, "open", ferry_open(&options, &f)))
			return NULL;
		ok = went_well(w, "alloc", ferry_alloc(f, 3 * E2E_VRAM, 0, &p));
		for (uint32_t d = 0; ok && d < 2; d++) {
			ok = went_well(w, "load", ferry_program_load_file(f, d, path, "add", &program));
			launch.program = program;
			launch.args[0] = (uintptr_t)p;
			launch.args[1] = 3 * E2E_VRAM / 8;
			launch.args[2] = 1;
			ok = ok && went_well(w, "launch", ferry_launch(f, &launch, &id)) &&
			     went_well(w, "launch", ferry_launch(f, &launch, &id));
		}
		if (pick(w, 2)) {
			const struct timespec nap = {0, (long)pick(w, 3000000)};

			nanosleep(&nap, NULL);
		}
		ok = went_well(w, "close", ferry_close(f)) && ok;
	}
	return NULL;
}

/* Goal: a handle closes at any moment of its launches. Method: launch on two devices, close at once or a little
 * later. */
static void handles_close_while_faults_are_in_flight(void **state)
{
	static struct team team;

	(void)state;
	memset(&team, 0, sizeof(team));
	team_run(&team, closing_main, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_with_memory_of_their_own_keep_their_bytes),
		cmocka_unit_test(threads_on_two_devices_keep_their_bytes),
		cmocka_unit_test(writers_of_the_same_pages_lose_nothing),
		cmocka_unit_test(writers_on_two_devices_lose_nothing),
		cmocka_unit_test(a_device_that_goes_leaves_nobody_waiting),
		cmocka_unit_test(a_copy_that_fails_leaves_nobody_waiting),
		cmocka_unit_test(a_device_that_was_given_up_writes_no_more),
		cmocka_unit_test(handles_close_while_faults_are_in_flight),
	};

	return cmocka_run_group_tests_name("e2e/threads", tests, NULL, NULL);
}
