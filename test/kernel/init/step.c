/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * step.c - one step: a child under a time limit, its output, what it left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

/* The log is looked at this often while a step is quiet. */
#define POLL_MS 200

struct child {
	pid_t pid;
	int pidfd;
	int output; /* read end of its pipe, not blocking */
	struct stream_pipe pipe;
};

static bool child_start(const struct step *step, struct child *child)
{
	int ends[2];

	memset(child, 0, sizeof(*child));
	if (pipe2(ends, O_CLOEXEC))
		return false;
	child->pid = fork();
	if (child->pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		setsid();
		dup2(null, 0);
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		act_in_child(step);
	}
	close(ends[1]);
	if (child->pid < 0) {
		close(ends[0]);
		return false;
	}
	child->output = ends[0];
	fcntl(child->output, F_SETFL, O_NONBLOCK);
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return true;
}

/* All there is to read now. False at the end of the pipe. */
static bool child_listen(struct child *child)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(child->output, buf, sizeof(buf))) > 0)
		stream_pipe_bytes(&child->pipe, buf, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Wait for the child until `until_ms`, reading what it says. True when it ended. */
static bool child_wait(struct child *child, uint64_t until_ms, int *status)
{
	bool open_pipe = true;

	for (;;) {
		struct pollfd fds[] = {{.fd = child->pidfd, .events = POLLIN},
		                       {.fd = open_pipe ? child->output : -1, .events = POLLIN}};
		uint64_t now = now_ms();
		pid_t pid = waitpid(child->pid, status, WNOHANG);

		if (open_pipe)
			open_pipe = child_listen(child);
		kmsg_drain();
		if (pid == child->pid)
			return true;
		if (now >= until_ms)
			return false;
		poll(fds, 2, (int)(until_ms - now < POLL_MS ? until_ms - now : POLL_MS));
	}
}

/* Kill and reap all that is left. True when it obeyed within kill_ms. */
static bool reap_the_rest(unsigned kill_ms)
{
	uint64_t until = now_ms() + kill_ms;

	for (;;) {
		pid_t pid;

		kill(-1, SIGKILL); /* everything but ourselves */
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return true; /* ECHILD */
		if (now_ms() >= until)
			return false;
		poll(NULL, 0, 5);
	}
}

static void outcome_from_status(struct outcome *out, int status)
{
	if (WIFEXITED(status)) {
		out->exit_status = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		out->signal = WTERMSIG(status);
		out->core = WCOREDUMP(status);
	}
}

void step_run(const struct step *step, unsigned kill_ms, struct outcome *out)
{
	uint64_t start = now_ms();
	struct child child;
	int status = 0;
	bool ended;

	memset(out, 0, sizeof(*out));
	out->exit_status = -1;
	if (!child_start(step, &child)) {
		stream_say("# cannot start a process: %s", strerror(errno));
		return;
	}
	ended = child_wait(&child, step->timeout_s ? start + step->timeout_s * 1000ull : UINT64_MAX, &status);
	out->took_ms = now_ms() - start;
	if (!ended) {
		out->timed_out = true;
		proc_dump_stacks();
		kill(child.pid, SIGKILL);
		ended = child_wait(&child, now_ms() + kill_ms, &status);
	}
	if (ended)
		outcome_from_status(out, status);
	out->left = proc_count() - (ended ? 0 : 1);
	if (!reap_the_rest(kill_ms)) {
		out->unkillable = true;
		proc_dump_stacks();
	}
	child_listen(&child);
	stream_pipe_end(&child.pipe);
	out->cut = child.pipe.cut;
	out->skipped = strcmp(step->verb, "leaks") == 0 && out->exit_status == ACT_SKIPPED;
	close(child.output);
	if (child.pidfd >= 0)
		close(child.pidfd);
	kmsg_drain();
}
