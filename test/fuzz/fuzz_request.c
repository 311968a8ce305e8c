/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fuzz_request.c - any bytes as requests: each is refused or carried out, and the driver stays whole.
 *
 *   record: request (1 byte), length (1), flags (1), then so many bytes. flags bit 0: the first word of the struct is
 * put right, so that more get past the size check; bit 1: addresses are pulled towards a few ranges; bit 2: a device
 *   access first.
 *
 * Every buffer is allocated to its exact size, so that reading or writing beyond it is seen. At the end everything
 * must come apart without a leak.
 */
#include <stdlib.h>
#include <string.h>

#include "test/unit/core/rig.c"
#include "test/unit/core/rig_audit.c"
#include "test/unit/core/rig_external.c"

#define RECORDS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig rig;

/* The size the struct of this version has; most of what comes has another. */
static uint32_t request_size(uint32_t request)
{
	static const uint32_t sizes[] = {0,
	                                 sizeof(struct ferry_req_version),
	                                 sizeof(struct ferry_req_device_info),
	                                 sizeof(struct ferry_req_range),
	                                 sizeof(struct ferry_req_range),
	                                 sizeof(struct ferry_req_migrate),
	                                 sizeof(struct ferry_req_advise),
	                                 sizeof(struct ferry_req_protect),
	                                 sizeof(struct ferry_req_program_load),
	                                 sizeof(struct ferry_req_program_unload),
	                                 sizeof(struct ferry_req_launch),
	                                 sizeof(struct ferry_req_wait),
	                                 sizeof(struct ferry_req_capability),
	                                 sizeof(struct ferry_req_counters),
	                                 sizeof(struct ferry_req_residency),
	                                 sizeof(struct ferry_req_register),
	                                 sizeof(struct ferry_req_register),
	                                 sizeof(struct ferry_req_locks)};

	return request < FERRY_ARRAY_SIZE(sizes) ? sizes[request] : 8;
}

/* Words that look like addresses become one of a few, so that ranges meet. */
static void pull_addresses(uint8_t *buf, size_t bytes)
{
	for (size_t at = 8; at + 16 <= bytes && at < 24; at += 8) {
		uint64_t word;

		memcpy(&word, buf + at, 8);
		word = at == 8 ? RIG_BASE + (word % 16) * FERRY_BLOCK_SIZE / 2 : (word % 2048) << FERRY_PAGE_SHIFT;
		memcpy(buf + at, &word, 8);
	}
}

static void one(const uint8_t *data, size_t bytes, uint32_t request, uint32_t flags)
{
	uint32_t want = flags & 1 ? request_size(request) : 0;
	size_t total = bytes < want ? want : bytes;
	uint8_t *buf = calloc(1, total ? total : 1);

	if (!buf)
		return;
	memcpy(buf, data, bytes);
	if (flags & 1 && total >= 4)
		memcpy(buf, &want, sizeof(want));
	if (flags & 2)
		pull_addresses(buf, total);
	if (request == FERRY_REQ_WAIT && total >= sizeof(struct ferry_req_wait))
		((struct ferry_req_wait *)(void *)buf)->timeout_ns %= 1000; /* waits are not what is looked for */
	(void)ferry_core_request(rig.core, rig.vs, request, buf, total);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!rig.core) {
		rig_fold(true);
		rig_up(&rig, 1, 2 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
		rig.dev[0].dry = true;
	}
	rig_reopen(&rig);
	for (uint32_t n = 0; n < RECORDS_MAX && size >= 3; n++) {
		uint32_t request = data[0], bytes = data[1], flags = data[2];

		data += 3;
		size -= 3;
		if (bytes > size)
			bytes = (uint32_t)size;
		if (flags & 4 && rig.vs->on[0]) {
			rig_fault_push(&rig, 0, RIG_BASE + (uint64_t)bytes * FERRY_BIG_SIZE, flags >> 3 & 1);
			rig_faults_deliver(&rig, 0);
		}
		one(data, bytes, request % 20, flags);
		data += bytes;
		size -= bytes;
	}
	return 0;
}
