/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Registered memory: the process's own pages, pinned; and what another driver has mapped, here pfnmap_owner.ko, until
 * it takes it back.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"
#include "test/kernel/modules/pfnmap_owner.h"

#define PAGES 700ul /* more than a block */
#define BYTES (PAGES * DEV_PAGE)
#define WORDS_A_PAGE (DEV_PAGE / 8)

static void *map_some(size_t bytes, int prot, int flags)
{
	void *p = mmap(NULL, bytes, prot, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED, "no %zu bytes", bytes);
	return p;
}

static void must_register(int fd, const void *p, size_t bytes, uint32_t flags)
{
	int error = dev_register(fd, p, bytes, flags);

	CHECK(error == 0, "register %zu bytes: %s", bytes, dev_error_name(error));
}

static void must_unregister(int fd, const void *p)
{
	int error = dev_unregister(fd, p);

	CHECK(error == 0, "unregister: %s", dev_error_name(error));
}

static void must_be(int error, int wanted, const char *what)
{
	CHECK(error == wanted, "%s: %s, not %s", what, dev_error_name(error), dev_error_name(wanted));
}

/* VmPin counts what is pinned, VmLck what is locked: ours is the second. KiB. */
static long locked_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *file = fopen("/proc/self/status", "re");

	CHECK(file, "no /proc/self/status");
	while (fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %ld kB", &kb);
	fclose(file);
	return kb;
}

/* ---- pages ------------------------------------------------------------------------------------------------ */

/*
 * The device adds to some of it where it is, at its beginning, over its middle and to its end, a few words at a time,
 * for the machine is slow; afterwards all is out of reach.
 */
static void use_in_place(int fd, uint64_t *p, size_t bytes, const char *what)
{
	const size_t words = bytes / 8, starts[] = {0, words / 2 - 100, words - 200};
	uint64_t copies;

	dev_pattern_write(p, bytes, 1);
	must_register(fd, p, bytes, 0);
	copies = dev_counter(fd, FERRY_COUNTER_pages_to_device);
	for (int s = 0; s < 3; s++)
		CHECK(dev_run(fd, DEV_PROGRAM_ADD, p + starts[s], 200, 1) == 0, "%s: program", what);
	for (size_t i = 0; i < words; i++) {
		bool added = i < 200 || (i >= starts[1] && i < starts[1] + 200) || i >= starts[2];

		CHECK(p[i] == dev_pattern_word(i, 1) + added, "%s: word %zu is %llx", what, i,
		      (unsigned long long)p[i]);
	}
	CHECK(dev_where(fd, p) == DEV_ON_HOST, "%s is at %u", what, dev_where(fd, p));
	CHECK(dev_counter(fd, FERRY_COUNTER_pages_to_device) == copies, "%s: pages moved", what);
	must_unregister(fd, p);
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p, 8, 5), FERRY_E_FAULT_UNMAPPED, what);
	CHECK(p[0] == dev_pattern_word(0, 1) + 1, "%s: written after unregister", what);
}

static void every_kind_of_page(void)
{
	static uint64_t data[BYTES / 8] __attribute__((aligned(4096)));
	uint64_t stack[4 * WORDS_A_PAGE] __attribute__((aligned(4096)));
	int fd = dev_open(), file = memfd_create("register", MFD_CLOEXEC);
	void *heap = aligned_alloc(DEV_PAGE, BYTES), *p;

	CHECK(heap && file >= 0 && ftruncate(file, BYTES) == 0, "memory");
	use_in_place(fd, heap, BYTES, "heap");
	use_in_place(fd, data, BYTES, "static data");
	use_in_place(fd, stack, sizeof(stack), "stack");
	use_in_place(fd, map_some(BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE), BYTES, "private mapping");
	use_in_place(fd, map_some(BYTES, PROT_READ | PROT_WRITE, MAP_SHARED), BYTES, "shared mapping");
	p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	CHECK(p != MAP_FAILED, "memory file");
	use_in_place(fd, p, BYTES, "memory file");
	p = map_some(4 * DEV_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	(void)madvise(p, 4 * DEV_BLOCK, MADV_HUGEPAGE);
	use_in_place(fd, p, 4 * DEV_BLOCK, "huge pages");
	CHECK(locked_kb() == 0, "%ld KiB are still locked", locked_kb());
}

static void read_only_is_read_only(void)
{
	uint64_t *p = map_some(4 * DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE), *sum;
	int fd = dev_open();

	sum = dev_alloc(fd, DEV_BLOCK);
	p[0] = 7;
	must_register(fd, p, 4 * DEV_PAGE, FERRY_REGISTER_READ_ONLY);
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p, 1, 9), FERRY_E_FAULT_READ_ONLY, "write to a read-only piece");
	CHECK(p[0] == 7, "it was written");
	/* Written by the process after it was pinned: still the same page. */
	p[WORDS_A_PAGE] = 8;
	must_unregister(fd, p);
	must_register(fd, p, 4 * DEV_PAGE, 0);
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p + WORDS_A_PAGE, 1, 1) == 0 && p[WORDS_A_PAGE] == 9, "then writable");
	must_unregister(fd, p);
	CHECK(mprotect(p, 4 * DEV_PAGE, PROT_READ) == 0, "mprotect");
	must_be(dev_register(fd, p, 4 * DEV_PAGE, 0), FERRY_E_REGISTER_ADDRESS, "read-only memory, for writing");
	must_register(fd, p, 4 * DEV_PAGE, FERRY_REGISTER_READ_ONLY);
	must_unregister(fd, p);
	CHECK(sum[0] == 0, "managed memory beside it");
}

/* What the process does to its memory meanwhile is its business; the pages stay. */
static void pages_stay(void)
{
	uint64_t *p = map_some(BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	int fd = dev_open(), status;
	pid_t pid;

	must_register(fd, p, BYTES, 0);
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 4, 3) == 0, "program");
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		p[0] = 100; /* of the child's own copy */
		_exit(p[1] == 3 ? 0 : 1);
	}
	p[0] = 5; /* must not take us away from the page that the device has */
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "child: %d", status);
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 4, 1) == 0, "program after fork");
	CHECK(p[0] == 6 && p[1] == 4, "after fork: %llu, %llu", (unsigned long long)p[0], (unsigned long long)p[1]);
	/* Unmapped and not unregistered: the device has pages that nobody else sees. */
	CHECK(munmap(p, BYTES) == 0, "munmap");
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 2 * WORDS_A_PAGE, 1) == 0, "program after munmap");
	must_unregister(fd, p);
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p, 1, 1), FERRY_E_FAULT_UNMAPPED, "after unregister");
}

static void refused(void)
{
	int fd = dev_open(), disk = open("/init", O_RDONLY | O_CLOEXEC);
	uint8_t *p = map_some(8 * DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE), *managed = dev_alloc(fd, DEV_BLOCK);
	void *text = mmap(NULL, DEV_PAGE, PROT_READ, MAP_PRIVATE, disk, 0);

	must_be(dev_register(fd, p, 0, 0), FERRY_E_RANGE_ZERO, "nothing");
	must_be(dev_register(fd, p + 1, DEV_PAGE, 0), FERRY_E_RANGE_ALIGN, "half a page");
	must_be(dev_register(fd, (void *)0xffff800000000000ul, DEV_PAGE, 0), FERRY_E_RANGE_OVERFLOW, "the kernel");
	must_be(dev_register(fd, (void *)DEV_PAGE, DEV_PAGE, 0), FERRY_E_REGISTER_ADDRESS, "nothing mapped");
	must_be(dev_register(fd, managed, DEV_PAGE, 0), FERRY_E_RANGE_OVERLAP, "managed memory");
	CHECK(munmap(p + 4 * DEV_PAGE, DEV_PAGE) == 0, "munmap");
	must_be(dev_register(fd, p, 8 * DEV_PAGE, 0), FERRY_E_REGISTER_ADDRESS, "a hole");
	must_register(fd, p, 4 * DEV_PAGE, 0);
	must_be(dev_register(fd, p + 3 * DEV_PAGE, DEV_PAGE, 0), FERRY_E_RANGE_OVERLAP, "twice");
	must_be(dev_unregister(fd, p + DEV_PAGE), FERRY_E_REGISTER_NOT_FOUND, "the middle");
	must_be(dev_migrate(fd, p, DEV_PAGE, 0), FERRY_E_REGISTERED, "migrate");
	must_unregister(fd, p);
	must_be(dev_unregister(fd, p), FERRY_E_REGISTER_NOT_FOUND, "unregister twice");
	CHECK(text != MAP_FAILED, "a file");
	must_register(fd, text, DEV_PAGE, FERRY_REGISTER_READ_ONLY);
	must_unregister(fd, text);
	/* Mapped by us, and managed by nobody yet: all the same ours. */
	managed = dev_map(fd, DEV_BLOCK);
	CHECK(managed, "map");
	must_be(dev_register(fd, managed, DEV_PAGE, 0), FERRY_E_RANGE_OVERLAP, "our own mapping");
	CHECK(locked_kb() == 0, "%ld KiB are still locked", locked_kb());
}

/* RLIMIT_MEMLOCK, for who may not lock what he likes. */
static int child_limited(void *arg)
{
	const struct rlimit limit = {64 << 10, 64 << 10};
	uint8_t *p = map_some(256 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	int fd = dev_open();

	(void)arg;
	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && setuid(65534) == 0, "becoming nobody");
	must_be(dev_register(fd, p, 128 << 10, 0), FERRY_E_REGISTER_LIMIT, "too much");
	must_register(fd, p, 64 << 10, 0);
	CHECK(locked_kb() == 64, "%ld KiB are locked", locked_kb());
	must_be(dev_register(fd, p + (64 << 10), DEV_PAGE, 0), FERRY_E_REGISTER_LIMIT, "one page more");
	must_unregister(fd, p);
	CHECK(locked_kb() == 0, "%ld KiB are still locked", locked_kb());
	must_register(fd, p + (64 << 10), 64 << 10, 0);
	return 0;
}

static void limits_hold(void)
{
	ktap_wait_good(ktap_child(child_limited, NULL), 10000);
}

static int child_ends(void *arg)
{
	int fd = dev_open();
	uint64_t *p = map_some(BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	(void)arg;
	must_register(fd, p, BYTES, 0);
	(void)dev_run(fd, DEV_PROGRAM_FILL, p, WORDS_A_PAGE, 1);
	return 0;
}

static void memory_comes_back(void)
{
	long before, after;

	ktap_wait_good(ktap_child(child_ends, NULL), 10000);
	before = mod_memory_kb("MemFree");
	for (int i = 0; i < 20; i++)
		ktap_wait_good(ktap_child(child_ends, NULL), 10000);
	after = mod_memory_kb("MemFree");
	CHECK(after > before - 20000, "%ld KiB are gone", before - after);
}

/* ---- another driver's memory ------------------------------------------------------------------------------ */

static int owner_open(void)
{
	int error = mod_load("pfnmap_owner", ""), owner;

	CHECK(error == 0 || error == EEXIST, "pfnmap_owner.ko: errno %d", error);
	owner = open(OWNER_PATH, O_RDWR | O_CLOEXEC);
	CHECK(owner >= 0, "open %s", OWNER_PATH);
	return owner;
}

static uint64_t *owner_map(int owner, size_t first, size_t count)
{
	void *p = mmap(NULL, count * DEV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, owner, (off_t)(first * DEV_PAGE));

	CHECK(p != MAP_FAILED, "mmap of %s", OWNER_PATH);
	return p;
}

static void owner_take(int owner, uint32_t first, uint32_t count)
{
	struct owner_range range = {first, count};

	CHECK(ioctl(owner, OWNER_TAKE, &range) == 0, "take");
}

static uint64_t owner_peek(int owner, uint32_t page, uint32_t index)
{
	struct owner_word word = {page, index, 0};

	CHECK(ioctl(owner, OWNER_PEEK, &word) == 0, "peek");
	return word.value;
}

static void owner_poke(int owner, uint32_t page, uint32_t index, uint64_t value)
{
	struct owner_word word = {page, index, value};

	CHECK(ioctl(owner, OWNER_POKE, &word) == 0, "poke");
}

static void untouched(int owner)
{
	int touched = ioctl(owner, OWNER_TOUCHED, 0);

	CHECK(touched == 0, "%d pages were written after they were taken back", touched);
}

/* Owner, process and device look at the same bytes. Nothing was faulted in before. */
static void frames_are_shared(void)
{
	int fd = dev_open(), owner = owner_open();
	uint64_t *p = owner_map(owner, 0, PAGES);

	for (uint32_t i = 0; i < PAGES; i++)
		owner_poke(owner, i, 1, i);
	must_register(fd, p, BYTES, 0);
	CHECK(locked_kb() == 0, "%ld KiB are locked", locked_kb());
	for (uint32_t i = 0; i < PAGES; i += 10)
		CHECK(dev_run(fd, DEV_PROGRAM_ADD, p + i * WORDS_A_PAGE, 2, 5) == 0, "program");
	for (uint32_t i = 0; i < PAGES; i += 10)
		CHECK(owner_peek(owner, i, 1) == i + 5 && p[i * WORDS_A_PAGE + 1] == i + 5, "page %u", i);
	must_unregister(fd, p);
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p, 1, 1), FERRY_E_FAULT_UNMAPPED, "after unregister");
	CHECK(owner_peek(owner, 0, 0) == 5, "written after unregister");
}

static void frames_are_revoked(void)
{
	int fd = dev_open(), owner = owner_open();
	uint64_t *p = owner_map(owner, 0, PAGES);

	must_register(fd, p, BYTES, 0);
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + 95 * WORDS_A_PAGE, 10 * WORDS_A_PAGE, 1) == 0, "program");
	owner_take(owner, 100, 3);
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p + 100 * WORDS_A_PAGE, 1, 2), FERRY_E_FAULT_UNMAPPED, "first taken");
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p + 102 * WORDS_A_PAGE, 1, 2), FERRY_E_FAULT_UNMAPPED, "last taken");
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + 99 * WORDS_A_PAGE, 1, 2) == 0, "before them");
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + 103 * WORDS_A_PAGE, 1, 2) == 0, "behind them");
	CHECK(dev_counter(fd, FERRY_COUNTER_pages_revoked) == 3, "%llu were revoked",
	      (unsigned long long)dev_counter(fd, FERRY_COUNTER_pages_revoked));
	untouched(owner);
	must_unregister(fd, p);
	must_be(dev_register(fd, p, BYTES, 0), FERRY_E_REGISTER_ADDRESS, "what the owner does not give");
	must_register(fd, p, 100 * DEV_PAGE, 0);
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 1, 3) == 0 && p[0] == 3, "registered again");
}

/* The process takes the mapping away: the owner may end, and its pages are free for others. */
static void frames_end_with_their_mapping(void)
{
	int fd = dev_open(), owner = owner_open();
	uint64_t *p = owner_map(owner, 0, 64), *other = owner_map(owner, 64, 64);

	must_register(fd, p, 64 * DEV_PAGE, 0);
	must_register(fd, other, 64 * DEV_PAGE, 0);
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 2 * WORDS_A_PAGE, 1) == 0, "program");
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, other, 2 * WORDS_A_PAGE, 1) == 0, "program");
	CHECK(munmap(p, 64 * DEV_PAGE) == 0, "munmap");
	must_be(dev_run(fd, DEV_PROGRAM_FILL, p, 1, 2), FERRY_E_FAULT_UNMAPPED, "after munmap");
	CHECK(owner_peek(owner, 0, 0) == 1, "written after munmap");
	CHECK(mprotect(other, 64 * DEV_PAGE, PROT_READ) == 0, "mprotect");
	must_be(dev_run(fd, DEV_PROGRAM_FILL, other, 1, 2), FERRY_E_FAULT_UNMAPPED, "after mprotect");
	CHECK(other[0] == 1, "written after mprotect");
	must_unregister(fd, p);
	must_unregister(fd, other);
	must_be(dev_register(fd, other, DEV_PAGE, 0), FERRY_E_REGISTER_ADDRESS, "read-only frames, for writing");
	must_register(fd, other, DEV_PAGE, FERRY_REGISTER_READ_ONLY);
	must_be(dev_run(fd, DEV_PROGRAM_FILL, other, 1, 2), FERRY_E_FAULT_READ_ONLY, "read-only frames");
}

static void other_frames_are_refused(void)
{
	int fd = dev_open(), owner = owner_open(), error;
	uint8_t *both = map_some(2 * DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	void *cow = mmap(NULL, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, owner, 0);

	CHECK(mmap(both, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, owner, 0) == both, "mmap");
	must_be(dev_register(fd, both, 2 * DEV_PAGE, 0), FERRY_E_REGISTER_KIND, "two kinds");
	CHECK(cow != MAP_FAILED, "private mapping");
	must_be(dev_register(fd, cow, DEV_PAGE, 0), FERRY_E_REGISTER_KIND, "private frames");
	error = dev_register(fd, owner_map(owner, OWNER_PAGES, 1), DEV_PAGE, 0);
	must_be(error, FERRY_E_HOST_MAP, "a frame without a page");
	error = dev_register(fd, owner_map(owner, OWNER_PAGES + 1, 1), DEV_PAGE, 0);
	must_be(error, FERRY_E_REGISTER_ADDRESS, "a mapping of nothing");
}

/* ---- everything at once ----------------------------------------------------------------------------------- */

#define ROUNDS 30
#define RACE_PAGES 8u

struct race {
	int fd, owner;
	uint64_t *p;
	atomic_bool stop;
};

static void *race_takes(void *arg)
{
	struct race *race = arg;

	ktap_sleep_us(ktap_random_below(3000));
	owner_take(race->owner, 0, RACE_PAGES);
	/* Whoever writes now, or has done so since, shows. */
	untouched(race->owner);
	return NULL;
}

/* The owner takes all back while the device writes there, and while it is being registered. */
static void taken_in_the_middle(void)
{
	uint32_t ended = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct race race = {.fd = dev_open(), .owner = owner_open()};
		pthread_t thread;
		int error, fate = 0;

		race.p = owner_map(race.owner, 0, RACE_PAGES);
		CHECK(pthread_create(&thread, NULL, race_takes, &race) == 0, "thread");
		error = dev_register(race.fd, race.p, RACE_PAGES * DEV_PAGE, 0);
		CHECK(error == 0 || error == FERRY_E_REGISTER_ADDRESS || error == FERRY_E_REGISTER_CHANGING,
		      "register: %s", dev_error_name(error));
		for (int i = 0; i < 1000 && !error && !fate; i++)
			fate = dev_run(race.fd, DEV_PROGRAM_FILL, race.p, RACE_PAGES * WORDS_A_PAGE, 1);
		pthread_join(thread, NULL);
		untouched(race.owner);
		CHECK(error || fate == FERRY_E_FAULT_UNMAPPED, "the last fate is %s", dev_error_name(fate));
		ended += !error;
		if (!error)
			must_unregister(race.fd, race.p);
		CHECK(munmap(race.p, RACE_PAGES * DEV_PAGE) == 0 && close(race.fd) == 0 && close(race.owner) == 0,
		      "ending");
	}
	CHECK(ended > 0, "the owner was always faster");
}

static void *race_registers(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		int error = dev_register(race->fd, race->p, RACE_PAGES * DEV_PAGE, 0);

		CHECK(error == 0 || error == FERRY_E_RANGE_OVERLAP, "register: %s", dev_error_name(error));
		error = dev_unregister(race->fd, race->p);
		CHECK(error == 0 || error == FERRY_E_REGISTER_NOT_FOUND, "unregister: %s", dev_error_name(error));
	}
	return NULL;
}

/* Two threads register and unregister one piece, while the device writes to it. */
static void two_register_one_piece(void)
{
	struct race race = {.fd = dev_open()};
	pthread_t thread[2];
	uint64_t end = ktap_now_ms() + 1500;

	race.p = map_some(RACE_PAGES * DEV_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&thread[i], NULL, race_registers, &race) == 0, "thread");
	while (ktap_now_ms() < end) {
		int fate = dev_run(race.fd, DEV_PROGRAM_FILL, race.p, RACE_PAGES * WORDS_A_PAGE, 1);

		CHECK(fate == 0 || fate == FERRY_E_FAULT_UNMAPPED, "fate: %s", dev_error_name(fate));
	}
	atomic_store(&race.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	CHECK(dev_counter(race.fd, FERRY_COUNTER_registered_bytes) == 0, "bytes are left");
	CHECK(dev_counter(race.fd, FERRY_COUNTER_lock_violations) == 0, "locks");
	CHECK(locked_kb() == 0, "%ld KiB are still locked", locked_kb());
}

static void unload_owner(void)
{
	int error = mod_unload("pfnmap_owner");

	CHECK(error == 0, "pfnmap_owner: errno %d: somebody still holds its file", error);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"every kind of page is used in place", every_kind_of_page, 40},
		{"what is registered for reading is not written", read_only_is_read_only, 0},
		{"registered pages stay through fork and munmap", pages_stay, 0},
		{"what cannot be registered is refused", refused, 0},
		{"locked memory is limited", limits_hold, 0},
		{"memory comes back when a process ends", memory_comes_back, 60},
		{"another driver's frames are shared", frames_are_shared, 0},
		{"frames are out of reach once their owner takes them", frames_are_revoked, 0},
		{"frames are out of reach once they are unmapped", frames_end_with_their_mapping, 0},
		{"other frames are refused", other_frames_are_refused, 0},
		{"an owner may take frames in the middle of anything", taken_in_the_middle, 60},
		{"two threads may register one piece", two_register_one_piece, 0},
		{"the owner's module can be unloaded", unload_owner, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
