/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * text.h - building a line of text in a buffer of the caller's, for messages and to_text functions.
 *
 * Words:  a text is full when its buffer is; what does not fit is cut, and `cut` remembers it. The buffer holds a
 *         terminated string at every moment.
 *
 *     char buf[64];
 *     struct ferry_text t;
 *
 *     ferry_text_init(&t, buf, sizeof(buf));
 *     ferry_text_str(&t, "frame ");
 *     ferry_text_u64(&t, frame);
 *     ferry_os_log(FERRY_LOG_INFO, "%s", buf);
 *
 * No locks, no allocation. Context: any.
 */
#ifndef FERRY_TEXT_H
#define FERRY_TEXT_H

#include "ferry/types.h"

struct ferry_text {
	char *buf;
	size_t size_bytes; /* of buf, the terminating zero included */
	size_t length;     /* characters so far, without the zero; < size_bytes */
	bool cut;
};

/* size_bytes > 0. */
void ferry_text_init(struct ferry_text *t, char *buf, size_t size_bytes);
/* NULL appends "(null)". */
void ferry_text_str(struct ferry_text *t, const char *s);
void ferry_text_u64(struct ferry_text *t, uint64_t v); /* decimal */
void ferry_text_hex(struct ferry_text *t, uint64_t v); /* 0x..., no leading zeros */

#endif /* FERRY_TEXT_H */
