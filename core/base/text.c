/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * text.c - bounded text, without a C library.
 */
#include "base/text.h"

#define DIGITS_MAX 20u /* of 2^64 - 1 in decimal */

void ferry_text_init(struct ferry_text *t, char *buf, size_t size_bytes)
{
	t->buf = buf;
	t->size_bytes = size_bytes;
	t->length = 0;
	t->cut = false;
	buf[0] = '\0';
}

static void append(struct ferry_text *t, char c)
{
	if (t->length + 1 >= t->size_bytes) {
		t->cut = true;
		return;
	}
	t->buf[t->length++] = c;
	t->buf[t->length] = '\0';
}

void ferry_text_str(struct ferry_text *t, const char *s)
{
	if (!s)
		s = "(null)";
	/* Ends at the first character that does not fit, however long s is. */
	for (; *s && !t->cut; s++)
		append(t, *s);
}

static void append_number(struct ferry_text *t, uint64_t v, uint32_t base)
{
	char digits[DIGITS_MAX];
	uint32_t count = 0;

	do {
		digits[count++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (count)
		append(t, digits[--count]);
}

void ferry_text_u64(struct ferry_text *t, uint64_t v)
{
	append_number(t, v, 10);
}

void ferry_text_hex(struct ferry_text *t, uint64_t v)
{
	ferry_text_str(t, "0x");
	append_number(t, v, 16);
}
