/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/os_log.c */
/*
 * Logging and broken invariants: what reaches stderr.
 */
#include "test/unit/cmocka_compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferry/os.h"

static char text[4096];

/* What fn() writes to stderr, in text. */
static void capture(void (*fn)(void))
{
	int pipe_fds[2];
	int saved = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[1]);
	got = read(pipe_fds[0], text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = 0;
	close(pipe_fds[0]);
}

static void log_all_levels(void)
{
	ferry_os_log(FERRY_LOG_ERROR, "e %d", 1);
	ferry_os_log(FERRY_LOG_WARN, "w %s", "two");
	ferry_os_log(FERRY_LOG_INFO, "i");
	ferry_os_log(FERRY_LOG_DEBUG, "d");
}

/*
 * Goal: lines up to the level come, one each, with the level's name; errno stays. Method: two levels.
 */
static void lines_up_to_the_level_are_written(void **state)
{
	(void)state;
	errno = EXDEV;
	capture(log_all_levels);
	assert_string_equal(text, "ferry: error: e 1\nferry: warning: w two\n");
	ferry_user_log_level = FERRY_LOG_DEBUG;
	capture(log_all_levels);
	ferry_user_log_level = FERRY_LOG_WARN;
	assert_string_equal(text, "ferry: error: e 1\nferry: warning: w two\nferry: info: i\nferry: debug: d\n");
}

static void log_long_line(void)
{
	ferry_os_log(FERRY_LOG_ERROR, "%01000d", 1);
	ferry_os_log(FERRY_LOG_ERROR, "next");
}

/*
 * Goal: a line that is too long is cut, and still is one line. Method: a thousand digits.
 */
static void a_long_line_is_cut(void **state)
{
	(void)state;
	capture(log_long_line);
	assert_string_equal(strchr(text, '\n') + 1, "ferry: error: next\n");
	assert_in_range(strchr(text, '\n') - text, 100, 600);
}

static void same_bug_twice(void)
{
	for (int i = 0; i < 2; i++)
		assert_false(FERRY_ASSERT(1 == 2));
	assert_true(FERRY_ASSERT(1 == 1));
}

/*
 * Goal: in production a broken invariant is told once per site, counted each time, and the program goes on. Method:
 * the same site twice.
 */
static void a_bug_is_told_once_and_counted(void **state)
{
	uint64_t count = ferry_user_bug_count();

	(void)state;
	ferry_user_bug_is_fatal = 0;
	capture(same_bug_twice);
	ferry_user_bug_is_fatal = FERRY_USER_BUG_ASK_ENV;
	assert_uint_equal(ferry_user_bug_count(), count + 2);
	assert_non_null(strstr(text, "ferry: bug: "));
	assert_non_null(strstr(text, "os_log_test.c:"));
	assert_non_null(strstr(text, ": 1 == 2\n"));
	assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
}

/*
 * Goal: FERRY_BUG_FATAL=1 makes it fatal. Method: in a child.
 */
static void a_bug_is_fatal_when_the_environment_says_so(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0) {
		close(STDERR_FILENO);
		setenv("FERRY_BUG_FATAL", "1", 1);
		signal(SIGABRT, SIG_DFL);
		ferry_os_bug("x.c", 1, "y");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_up_to_the_level_are_written),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(a_bug_is_told_once_and_counted),
		cmocka_unit_test(a_bug_is_fatal_when_the_environment_says_so),
	};

	return cmocka_run_group_tests_name("os-user/os_log", tests, NULL, NULL);
}
