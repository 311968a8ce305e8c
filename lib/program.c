/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lib/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/backend.h"
#include "lib/object.h"

int ferry_program_request(const void *image, size_t bytes, const char *entry, uint32_t device,
                          struct ferry_req_program_load **req, size_t *total, uint32_t *args)
{
	const struct ferry_object_kernel *kernel;
	struct ferry_object *object;
	char why[FERRY_OBJECT_WHY_BYTES];
	size_t code_bytes;
	int err = ferry_object_open(image, bytes, &object, why, sizeof(why));

	if (err)
		return ferry_fail(err, "%s", why);
	err = ferry_object_find(object, entry, &kernel, why, sizeof(why));
	if (err) {
		(void)ferry_fail(err, "%s", why);
		goto close;
	}
	code_bytes = kernel->insn_count * (size_t)8;
	*req = calloc(1, sizeof(**req) + code_bytes);
	if (!*req) {
		err = ferry_fail(FERRY_E_PROGRAM_NOMEM, "no memory for %zu bytes of program", code_bytes);
		goto close;
	}
	(*req)->size = sizeof(**req);
	(*req)->device = device;
	(*req)->insn_count = kernel->insn_count;
	(*req)->arg_count = kernel->arg_count;
	memcpy(*req + 1, kernel->insns, code_bytes);
	*total = sizeof(**req) + code_bytes;
	*args = kernel->arg_count;
close:
	ferry_object_close(object);
	return err;
}

/* Bounded by the size seen at the start: a file that grows is cut, one that shrinks is an error. */
static int read_all(int fd, const char *path, char *buf, size_t bytes)
{
	for (size_t got = 0; got < bytes;) {
		ssize_t n = read(fd, buf + got, bytes - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ferry_fail(FERRY_E_FILE_READ, "%s: %s", path, strerror(errno));
		if (!n)
			return ferry_fail(FERRY_E_FILE_READ, "%s became shorter while it was read", path);
		got += (size_t)n;
	}
	return 0;
}

int ferry_program_read_file(const char *path, void **image, size_t *bytes)
{
	struct stat st;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return ferry_fail(FERRY_E_FILE_OPEN, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		err = ferry_fail(FERRY_E_FILE_READ, "%s is not a regular file", path);
	else if (!st.st_size)
		err = ferry_fail(FERRY_E_FILE_EMPTY, "%s is empty", path);
	else if ((uint64_t)st.st_size > FERRY_OBJECT_BYTES_MAX)
		err = ferry_fail(FERRY_E_PROGRAM_SIZE, "%s is larger than any program", path);
	if (err)
		goto close;
	*image = malloc((size_t)st.st_size);
	if (!*image) {
		err = ferry_fail(FERRY_E_PROGRAM_NOMEM, "no memory to read %s", path);
		goto close;
	}
	err = read_all(fd, path, *image, (size_t)st.st_size);
	if (err) {
		free(*image);
		*image = NULL;
	}
	*bytes = (size_t)st.st_size;
close:
	close(fd);
	return err;
}
