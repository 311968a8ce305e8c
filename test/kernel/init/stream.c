/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * stream.c - lines to the host over a serial port of their own, so that the kernel's console never cuts one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

#define INDENT "  "

static int stream_fd = 1;

void stream_open(const char *path)
{
	struct termios tty;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (tcgetattr(fd, &tty) == 0) {
		cfmakeraw(&tty);
		tty.c_cflag |= CLOCAL;
		cfsetspeed(&tty, B115200);
		tcsetattr(fd, TCSANOW, &tty);
	}
	stream_fd = fd;
}

static void write_all(const char *bytes, size_t count)
{
	while (count) {
		ssize_t n = write(stream_fd, bytes, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody to tell */
		bytes += n;
		count -= (size_t)n;
	}
}

void stream_say(const char *format, ...)
{
	char line[4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n] = '\n';
	write_all(line, (size_t)n + 1);
}

static void pipe_flush(struct stream_pipe *pipe)
{
	pipe->line[pipe->length] = '\n';
	write_all(INDENT, strlen(INDENT));
	write_all(pipe->line, pipe->length + 1);
	pipe->length = 0;
}

static void pipe_byte(struct stream_pipe *pipe, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";

	/* Room for one escape and the newline. */
	if (pipe->length + 6 > sizeof(pipe->line))
		pipe_flush(pipe);
	if (byte == '\n') {
		pipe_flush(pipe);
	} else if (byte == '\t' || (byte >= 0x20 && byte < 0x7f)) {
		pipe->line[pipe->length++] = (char)byte;
	} else if (byte != '\r') {
		char *at = pipe->line + pipe->length;

		at[0] = '\\';
		at[1] = 'x';
		at[2] = hex[byte >> 4];
		at[3] = hex[byte & 15];
		pipe->length += 4;
	}
}

void stream_pipe_bytes(struct stream_pipe *pipe, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count && !pipe->cut; i++) {
		pipe_byte(pipe, (unsigned char)bytes[i]);
		if (++pipe->total >= OUTPUT_BYTES_MAX)
			pipe->cut = true;
	}
}

void stream_pipe_end(struct stream_pipe *pipe)
{
	if (pipe->length)
		pipe_flush(pipe);
}
