/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fuzz_object.c - hostile object files: open, look up every kernel, read every instruction and every message.
 *
 * What it checks beyond the sanitizers: an error writes nothing, a success is consistent, messages end.
 */
#include <stdlib.h>
#include <string.h>

#include "ferry/fg1.h"
#include "lib/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Touches every byte of the code, so that a pointer outside the copy shows. */
static uint64_t sum(const struct ferry_object_kernel *k)
{
	uint64_t total = 0, word;

	for (uint32_t i = 0; i < k->insn_count; i++) {
		memcpy(&word, (const uint8_t *)k->insns + i * 8ull, sizeof(word));
		total = total * 31 + word;
	}
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ferry_object_kernel *k = NULL;
	struct ferry_object *object = NULL;
	char why[FERRY_OBJECT_WHY_BYTES];
	int err;

	memset(why, '#', sizeof(why));
	err = ferry_object_open(data, size, &object, why, sizeof(why));
	check(err >= 0 && err < FERRY_ERROR_COUNT && memchr(why, 0, sizeof(why)));
	if (err) {
		check(!object && why[0]);
		return 0;
	}
	check(object && ferry_object_count(object) > 0 && ferry_object_count(object) <= FERRY_OBJECT_KERNELS_MAX);
	for (uint32_t i = 0; i < ferry_object_count(object); i++) {
		const struct ferry_object_kernel *at = ferry_object_at(object, i);

		k = NULL;
		err = ferry_object_find(object, at->name, &k, why, sizeof(why));
		check(memchr(why, 0, sizeof(why)) != NULL);
		check(err ? !k && why[0] : k == at && k->insn_count && k->insn_count <= FG1_PROGRAM_INSNS_MAX);
		if (!err)
			check(sum(k) == sum(k));
	}
	err = ferry_object_find(object, NULL, &k, why, sizeof(why));
	check(err == 0 || err != FERRY_E_PROGRAM_NO_ENTRY || ferry_object_count(object) > 1);
	ferry_object_close(object);
	return 0;
}
