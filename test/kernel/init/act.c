/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * act.c - what a step does, in a child of PID 1: a step that hangs in the kernel does not hang PID 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

static int act_run(const struct step *step)
{
	execv(step->word[0], step->word);
	printf("cannot run %s: %s\n", step->word[0], strerror(errno));
	return 127;
}

/* Parameters are one string for the kernel. */
static int act_insmod(const struct step *step)
{
	char params[1024] = "";
	size_t length = 0;
	int fd = open(step->word[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		printf("cannot open %s: %s\n", step->word[0], strerror(errno));
		return 1;
	}
	for (unsigned i = 1; i < step->word_count; i++) {
		int n = snprintf(params + length, sizeof(params) - length, "%s ", step->word[i]);

		if (n < 0 || (length += (size_t)n) >= sizeof(params)) {
			printf("too many parameters\n");
			return 1;
		}
	}
	if (syscall(SYS_finit_module, fd, params, 0)) {
		printf("insmod %s %s: %s\n", step->word[0], params, strerror(errno));
		return errno == EEXIST ? 2 : 1;
	}
	return 0;
}

static int act_rmmod(const struct step *step)
{
	if (syscall(SYS_delete_module, step->word[0], O_NONBLOCK)) {
		printf("rmmod %s: %s\n", step->word[0], strerror(errno));
		return errno == EWOULDBLOCK ? 2 : 1;
	}
	return 0;
}

static int act_write(const struct step *step)
{
	const char *text = step->word_count > 1 ? step->word[1] : "";
	int fd = open(step->word[0], O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		printf("write \"%s\" to %s: %s\n", text, step->word[0], strerror(errno));
		return 1;
	}
	return 0;
}

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
/* What is allocated just before a scan is not looked at (MSECS_MIN_AGE is 5 s); a pointer in flight is seen late. */
#define LEAK_AGE_S 6
#define LEAK_SCANS 2

static bool kmemleak_write(const char *text)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* How many leaks are listed; prints them. */
static unsigned kmemleak_print(void)
{
	FILE *file = fopen(KMEMLEAK, "re");
	char line[512];
	unsigned count = 0;

	if (!file) {
		printf("cannot read %s: %s\n", KMEMLEAK, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), file)) {
		fputs(line, stdout);
		if (strncmp(line, "unreferenced object", 19) == 0)
			count++;
	}
	fclose(file);
	return count;
}

static int act_leaks(void)
{
	unsigned leaks;

	if (access(KMEMLEAK, F_OK)) {
		printf("this kernel has no kmemleak\n");
		return ACT_SKIPPED;
	}
	sleep(LEAK_AGE_S);
	for (int i = 0; i < LEAK_SCANS; i++) {
		/* EPERM or EBUSY here: it switched itself off, and nothing would be found. */
		if (!kmemleak_write("scan")) {
			printf("kmemleak does not scan: %s\n", strerror(errno));
			return 1;
		}
		sleep(1);
	}
	leaks = kmemleak_print();
	if (leaks)
		kmemleak_write("clear"); /* reported once, not again after every later step */
	return leaks ? 1 : 0;
}

static int act_shell(void)
{
	char *argv[] = {(char *)"-sh", NULL};
	int fd;

	setsid();
	fd = open("/dev/console", O_RDWR);
	if (fd < 0)
		return 1;
	ioctl(fd, TIOCSCTTY, 1);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	execv("/bin/sh", argv);
	return 127;
}

void act_in_child(const struct step *step)
{
	static const struct {
		const char *verb;
		unsigned words_min;
		int (*act)(const struct step *);
	} acts[] = {{"run", 1, act_run}, {"insmod", 1, act_insmod}, {"rmmod", 1, act_rmmod}, {"write", 1, act_write}};
	int status = 125;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(step->verb, acts[i].verb) != 0)
			continue;
		if (step->word_count >= acts[i].words_min)
			status = acts[i].act(step);
		else
			printf("%s needs more words\n", step->verb);
		goto out;
	}
	if (strcmp(step->verb, "leaks") == 0)
		status = act_leaks();
	else if (strcmp(step->verb, "shell") == 0)
		status = act_shell();
	else
		printf("no such verb: %s\n", step->verb);
out:
	fflush(stdout);
	_exit(status);
}
