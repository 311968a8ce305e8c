/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * program.h - from an object file to the request that loads it.
 */
#ifndef FERRY_LIB_PROGRAM_H
#define FERRY_LIB_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/uapi/ferry.h"

/*
 * The request for entry of an image, with its instructions behind the struct; *total bytes, to be freed. All codes of
 * lib/object.h; ferry_last_error() has the sentence.
 */
int ferry_program_request(const void *image, size_t bytes, const char *entry, uint32_t device,
                          struct ferry_req_program_load **req, size_t *total, uint32_t *args);

/* A whole file, to be freed. FERRY_E_FILE_OPEN, FERRY_E_FILE_READ, FERRY_E_FILE_EMPTY, FERRY_E_PROGRAM_SIZE, _NOMEM.
 */
int ferry_program_read_file(const char *path, void **image, size_t *bytes);

#endif /* FERRY_LIB_PROGRAM_H */
