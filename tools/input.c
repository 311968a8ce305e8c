/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The input of a run: files from disk, or bytes made from a fixed seed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/options.h"
#include "tools/workload.h"

#define GENERATED_BYTES (64ull << 20)
#define GENERATED_SEED 1
#define INPUT_BYTES_MAX (1ull << 40)

struct input {
	uint8_t *data;
	size_t bytes, room, limit; /* limit: no more than this is wanted */
	char *why;
	size_t why_bytes;
};

static int input_fail(struct input *in, int error, const char *path, const char *why)
{
	(void)snprintf(in->why, in->why_bytes, "%s: %s", path, why);
	return error;
}

/*
 * A pipe is opened without waiting for its writer (there may be none), and then read as a pipe. A device has no end:
 * it takes a --size.
 */
static int input_open(struct input *in, const char *path, bool sized, int *out, uint64_t *size_bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;

	if (fd < 0)
		return input_fail(in, FERRY_E_FILE_OPEN, path, strerror(errno));
	if (fstat(fd, &st) || fcntl(fd, F_SETFL, 0))
		err = input_fail(in, FERRY_E_FILE_READ, path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		err = input_fail(in, FERRY_E_FILE_READ, path, "is a directory");
	else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !sized)
		err = input_fail(in, FERRY_E_FILE_READ, path, "is not a file: say with --size how much of it");
	if (err) {
		close(fd);
		return err;
	}
	*size_bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	*out = fd;
	return 0;
}

static int input_grow(struct input *in, const char *path, uint64_t want)
{
	uint8_t *more;

	if (in->bytes < in->room)
		return 0;
	if (want < in->bytes + in->bytes / 2 + 65536)
		want = in->bytes + in->bytes / 2 + 65536;
	more = want < INPUT_BYTES_MAX ? realloc(in->data, (size_t)want) : NULL;
	if (!more)
		return input_fail(in, FERRY_E_NOMEM, path, "is too large for this machine's memory");
	in->data = more;
	in->room = (size_t)want;
	return 0;
}

/* Append what a file has until it ends or enough is there. */
static int input_append(struct input *in, const char *path, bool sized)
{
	size_t start = in->bytes;
	uint64_t size_bytes;
	int fd, err = input_open(in, path, sized, &fd, &size_bytes);

	if (err)
		return err;
	while (in->bytes < in->limit) {
		size_t room;
		ssize_t n;

		err = input_grow(in, path, start + size_bytes);
		if (err)
			break;
		room = in->room - in->bytes;
		n = read(fd, in->data + in->bytes, room < in->limit - in->bytes ? room : in->limit - in->bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = input_fail(in, FERRY_E_FILE_READ, path, strerror(errno));
		if (n <= 0)
			break;
		in->bytes += (size_t)n;
	}
	close(fd);
	if (!err && in->bytes < in->limit && in->bytes - start < size_bytes)
		err = input_fail(in, FERRY_E_FILE_READ, path, "became shorter while it was read");
	if (!err && in->bytes == start && in->limit > start)
		err = input_fail(in, FERRY_E_FILE_EMPTY, path, "is empty");
	return err;
}

/* The same bytes every time. */
static int input_generate(struct input *in, uint64_t size_bytes)
{
	in->data = size_bytes < INPUT_BYTES_MAX ? malloc((size_t)size_bytes) : NULL;
	if (!in->data)
		return input_fail(in, FERRY_E_NOMEM, "--size", "is too large for this machine's memory");
	ferry_workload_generate(in->data, (size_t)size_bytes, GENERATED_SEED);
	in->bytes = (size_t)size_bytes;
	return 0;
}

int input_load(const struct run_options *opts, uint8_t **data, size_t *bytes, char *why, size_t why_bytes)
{
	struct input in = {.limit = opts->size_bytes && opts->size_bytes < SIZE_MAX ? (size_t)opts->size_bytes
	                                                                            : SIZE_MAX,
	                   .why = why,
	                   .why_bytes = why_bytes};
	int err = 0;

	if (!opts->file_count)
		err = input_generate(&in, opts->size_bytes ? opts->size_bytes : GENERATED_BYTES);
	for (uint32_t i = 0; i < opts->file_count && !err; i++)
		err = input_append(&in, opts->files[i], opts->size_bytes != 0);
	if (err) {
		free(in.data);
		return err;
	}
	*data = in.data;
	*bytes = in.bytes;
	return 0;
}
