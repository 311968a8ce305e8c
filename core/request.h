/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * request.h - the requests of uapi/ferry.h, one function each, behind one table of numbers and sizes.
 *
 * Everything that comes in is hostile: sizes, flags and reserved fields are checked here, ranges by core/va, ids by
 * who owns them. A handler works on a private copy of the struct, zero-extended to the size this version knows, and
 * only what it lists as output is written back.
 */
#ifndef FERRY_REQUEST_H
#define FERRY_REQUEST_H

#include "va/va_space.h"

/* FERRY_E_REQUEST, FERRY_E_REQUEST_SIZE, FERRY_E_REQUEST_FLAGS, and what the handler says. */
int ferry_request_run(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t request, void *buf,
                      size_t size_bytes);

/* LOCKS without a handle: r->row is the question, the rest the answer. FERRY_E_INVAL: no such row. Context: any. */
int ferry_request_locks(struct ferry_core *core, struct ferry_req_locks *r);

#endif /* FERRY_REQUEST_H */
