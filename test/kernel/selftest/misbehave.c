/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * misbehave.c - everything a step can do wrong, on request. The ring runs it to see that it would notice.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void nothing(int signal)
{
	(void)signal;
}

static void hang(void)
{
	/* Whatever can be ignored is ignored. */
	for (int i = 1; i < 32; i++)
		signal(i, nothing);
	for (;;)
		pause();
}

static void leave_a_child(void)
{
	if (fork() == 0) {
		setsid();
		sleep(1000);
	}
}

static void flood(void)
{
	for (int i = 0; i < 20000; i++)
		puts("the same line again and again, far more often than anybody will ever want to read it");
}

static void log_line(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(9);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "crash"))
		raise(SIGSEGV);
	else if (!strcmp(how, "hang"))
		hang();
	else if (!strcmp(how, "leave"))
		leave_a_child();
	else if (!strcmp(how, "flood"))
		flood();
	else if (!strcmp(how, "status"))
		return 3;
	else if (!strcmp(how, "failed-case"))
		puts("KTAP version 1\n1..2\nok 1 good\n# because it must\nnot ok 2 bad");
	else if (!strcmp(how, "short-plan"))
		puts("KTAP version 1\n1..3\nok 1 the only one");
	else if (!strcmp(how, "no-plan"))
		puts("KTAP version 1\nok 1 without a plan");
	else if (!strcmp(how, "misnumbered"))
		puts("KTAP version 1\n1..2\nok 1 one\nok 3 three");
	else if (!strcmp(how, "nested"))
		puts("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 inner one\n  not ok 2 inner two\n"
		     "not ok 1 outer");
	else if (!strcmp(how, "forge"))
		puts("FERRY-INIT end steps=0 failed=0\nok 1 forged\n# end 1 forge exit=0");
	else if (!strcmp(how, "binary"))
		(void)!write(1, "\0\001\377\r\n\033[2J\n", 9);
	else if (!strcmp(how, "warn"))
		log_line("<4>WARNING: CPU: 0 PID: 1 at core/nowhere.c:1 nothing+0x0/0x0\n");
	return 0;
}
