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

#define GENERATED_BYTES (4ull << 20)
#define INPUT_BYTES_MAX (1ull << 40)

static int file_fail(const char *path, const char *why)
{
	fprintf(stderr, "ferryctl: %s: %s\n", path, why);
	return 1;
}

/* Append one file. It is read until it ends: a pipe or a file that grows meanwhile is taken as it comes. */
static int file_append(const char *path, uint8_t **data, size_t *bytes)
{
	size_t room = *bytes, start = *bytes;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return file_fail(path, strerror(errno));
	if (fstat(fd, &st))
		err = file_fail(path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		err = file_fail(path, "is a directory");
	else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < INPUT_BYTES_MAX)
		room += (size_t)st.st_size;
	while (!err) {
		ssize_t n;

		if (*bytes >= room || !*data) {
			uint8_t *more;

			if (room < *bytes + 65536)
				room = *bytes + *bytes / 2 + 65536;
			more = room < INPUT_BYTES_MAX ? realloc(*data, room) : NULL;
			if (!more) {
				err = file_fail(path, "is too large for this machine's memory");
				break;
			}
			*data = more;
		}
		n = read(fd, *data + *bytes, room - *bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = file_fail(path, strerror(errno));
		if (n <= 0)
			break;
		*bytes += (size_t)n;
	}
	close(fd);
	if (!err && S_ISREG(st.st_mode) && *bytes - start < (uint64_t)st.st_size)
		err = file_fail(path, "became shorter while it was read");
	if (!err && *bytes == start)
		err = file_fail(path, "is empty");
	return err;
}

/* xorshift64: the same bytes every time. */
static int input_generate(uint64_t size_bytes, uint8_t **data, size_t *bytes)
{
	uint64_t x = 0x9e3779b97f4a7c15ull;
	uint8_t *p = size_bytes < INPUT_BYTES_MAX ? malloc((size_t)size_bytes) : NULL;

	if (!p)
		return file_fail("--size", "is too large for this machine's memory");
	for (size_t i = 0; i < size_bytes; i++) {
		if (i % 8 == 0) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		p[i] = (uint8_t)(x >> (i % 8 * 8));
	}
	*data = p;
	*bytes = (size_t)size_bytes;
	return 0;
}

int input_load(const struct run_options *opts, uint8_t **data, size_t *bytes)
{
	*data = NULL;
	*bytes = 0;
	if (!opts->file_count)
		return input_generate(opts->size_bytes ? opts->size_bytes : GENERATED_BYTES, data, bytes);
	for (uint32_t i = 0; i < opts->file_count; i++)
		if (file_append(opts->files[i], data, bytes)) {
			free(*data);
			*data = NULL;
			return 1;
		}
	if (opts->size_bytes && opts->size_bytes < *bytes)
		*bytes = (size_t)opts->size_bytes;
	return 0;
}
