/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * init.c - PID 1 of a test machine. See init.h for the manifest it reads and the stream it writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "init.h"

#define MANIFEST "/ferry/steps"
#define STREAM "/dev/ttyS1"
#define MANIFEST_BYTES_MAX (256u << 10)

static unsigned kill_ms = 2000;
static struct step steps[STEPS_MAX];

static void mount_all(void)
{
	static const struct {
		const char *where, *type, *options;
	} mounts[] = {
		{"/proc", "proc", NULL},
		{"/sys", "sysfs", NULL},
		{"/dev", "devtmpfs", NULL},
		{"/dev/shm", "tmpfs", NULL},
		{"/tmp", "tmpfs", NULL},
		{"/run", "tmpfs", NULL},
		{"/sys/kernel/debug", "debugfs", NULL},
		{"/sys/kernel/tracing", "tracefs", NULL},
		{"/sys/fs/cgroup", "cgroup2", NULL},
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		/* A kernel may lack one; EBUSY: it mounted devtmpfs itself. */
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].options) && errno != EBUSY)
			printf("init: no %s: %s\n", mounts[i].type, strerror(errno));
	}
	chmod("/tmp", 01777);
}

static void file_set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		stream_say("# cannot write %s: %s", path, strerror(errno));
	close(fd);
}

static void setting(char *word[], unsigned count)
{
	if (count >= 2 && strcmp(word[0], "kill_ms") == 0)
		kill_ms = (unsigned)atoi(word[1]);
	else if (count >= 2 && strcmp(word[0], "env") == 0)
		putenv(word[1]);
	else if (count >= 3 && strcmp(word[0], "file") == 0)
		file_set(word[1], word[2]);
	else
		stream_say("# bad setting: %s", count ? word[0] : "");
}

static unsigned split(char *line, char *word[], unsigned max)
{
	unsigned count = 0;
	char *at;

	line[strcspn(line, "#\n")] = '\0';
	while (count < max && (at = strsep(&line, " ")) != NULL)
		if (*at)
			word[count++] = at;
	return count;
}

/* One line of the manifest into *step. False: it is none (a setting, a comment). */
static bool step_parse(char *line, struct step *step)
{
	char *word[STEP_WORDS_MAX];
	unsigned count = split(line, word, STEP_WORDS_MAX);
	unsigned first = 3;

	if (count == 0)
		return false;
	if (strcmp(word[0], "set") == 0) {
		setting(word + 1, count - 1);
		return false;
	}
	if (count < 3) {
		stream_say("# bad step: %s", word[0]);
		return false;
	}
	memset(step, 0, sizeof(*step));
	step->verb = word[0];
	step->name = word[1];
	step->timeout_s = (unsigned)atoi(word[2]);
	if (count > 3 && sscanf(word[3], "exit=%d", &step->want_exit) == 1)
		first = 4;
	step->word_count = count - first;
	memcpy(step->word, word + first, step->word_count * sizeof(word[0]));
	return true;
}

static unsigned manifest_read(const char *path)
{
	static char text[MANIFEST_BYTES_MAX];
	char *line, *rest = text;
	unsigned count = 0;
	size_t length = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		stream_say("# no manifest %s: %s", path, strerror(errno));
		return 0;
	}
	while (length < sizeof(text) - 1 && (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	while (count < STEPS_MAX && (line = strsep(&rest, "\n")) != NULL)
		count += step_parse(line, &steps[count]);
	return count;
}

static bool step_passed(const struct step *step, const struct outcome *out)
{
	return (out->skipped || out->exit_status == step->want_exit) && !out->signal && !out->timed_out &&
	       !out->unkillable && !out->cut && !out->left;
}

/* True when it passed. */
static bool step_do(unsigned number, const struct step *step)
{
	struct memory_now before, after;
	struct outcome out;
	bool passed;

	proc_memory(&before);
	kmsg_drain();
	stream_say("# begin %u %s", number, step->name);
	step_run(step, kill_ms, &out);
	proc_memory(&after);
	stream_say("# end %u %s exit=%d signal=%d core=%d timed_out=%d left=%u unkillable=%d cut=%d ms=%llu "
	           "available_kb=%+ld slab_kb=%+ld vmalloc_kb=%+ld percpu_kb=%+ld shmem_kb=%+ld taint=%lu",
	           number, step->name, out.exit_status, out.signal, out.core, out.timed_out, out.left, out.unkillable,
	           out.cut, (unsigned long long)out.took_ms, after.available_kb - before.available_kb,
	           after.slab_kb - before.slab_kb, after.vmalloc_kb - before.vmalloc_kb,
	           after.percpu_kb - before.percpu_kb, after.shmem_kb - before.shmem_kb, proc_taint());
	passed = step_passed(step, &out);
	stream_say("%s %u %s%s", passed ? "ok" : "not ok", number, step->name, out.skipped ? " # SKIP" : "");
	return passed;
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT); /* without ACPI: QEMU's -no-reboot ends it */
	for (;;)
		pause();
}

int main(void)
{
	const char *manifest = getenv("ferry.steps"); /* what the kernel does not know on its command line */
	struct utsname name;
	unsigned count, failed = 0;

	mount_all();
	setenv("PATH", "/bin:/usr/bin:/sbin:/usr/sbin", 1);
	setenv("HOME", "/tmp", 1);
	stream_open(STREAM);
	uname(&name);
	stream_say("FERRY-INIT begin release=%s uptime_ms=%llu taint=%lu", name.release,
	           (unsigned long long)proc_uptime_ms(), proc_taint());
	if (kmsg_open() < 0)
		stream_say("# no /dev/kmsg: %s", strerror(errno));
	kmsg_drain();
	count = manifest_read(manifest ? manifest : MANIFEST);
	stream_say("KTAP version 1");
	stream_say("1..%u", count);
	for (unsigned i = 0; i < count; i++)
		failed += !step_do(i + 1, &steps[i]);
	kmsg_drain();
	stream_say("FERRY-INIT end steps=%u failed=%u uptime_ms=%llu", count, failed,
	           (unsigned long long)proc_uptime_ms());
	power_off();
}
