/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lib/host.h"

#include <string.h>
#include <unistd.h>

#include "ferry/types.h"
#include "lib/kernel.h"

#define OPTIONS_SIZE_MIN ((uint32_t)offsetof(struct ferry_options, node)) /* of version 0.1 */
#define OPTIONS_SIZE_MAX 4096u                                            /* beyond: not a size, but garbage */

#define DEFAULT_VRAM_BYTES (64ull << 20)
#define DEFAULT_SMS_MAX 8

/* Of a newer program: what we do not know must not be asked for. */
static bool rest_is_zero(const struct ferry_options *in)
{
	const char *p = (const char *)in;

	for (size_t i = sizeof(*in); i < in->size; i++)
		if (p[i])
			return false;
	return true;
}

int ferry_options_take(const struct ferry_options *in, struct ferry_options *out)
{
	memset(out, 0, sizeof(*out));
	if (in) {
		if (in->size < OPTIONS_SIZE_MIN || in->size > OPTIONS_SIZE_MAX)
			return ferry_fail(FERRY_E_INVAL, "options.size is %u, not %zu", in->size, sizeof(*in));
		if (!rest_is_zero(in))
			return ferry_fail(FERRY_E_INVAL,
			                  "options this library does not know: it is older than the program");
		memcpy(out, in, in->size < sizeof(*out) ? in->size : sizeof(*out));
	}
	if (out->flags || out->reserved)
		return ferry_fail(FERRY_E_INVAL, "options.flags and reserved must be 0");
	if (out->cpu_faults > FERRY_CPU_FAULTS_SIGNAL)
		return ferry_fail(FERRY_E_INVAL, "options.cpu_faults is %u", out->cpu_faults);
	if (out->devices > FERRY_MAX_DEVICES || out->sms > 64)
		return ferry_fail(FERRY_E_INVAL, "at most %u devices of 64 engines", FERRY_MAX_DEVICES);
	if (!ferry_is_aligned(out->vram_bytes, FERRY_BLOCK_SIZE) || out->vram_bytes > 1ull << 40)
		return ferry_fail(FERRY_E_INVAL, "device memory is a multiple of 2 MiB up to 1 TiB, not %llu bytes",
		                  (unsigned long long)out->vram_bytes);
	out->size = sizeof(*out);
	return 0;
}

static int process_open(const struct ferry_options *options, const struct ferry_backend_ops **ops, void **backend)
{
	struct ferry_options complete = *options;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!complete.devices)
		complete.devices = 1;
	if (!complete.sms)
		complete.sms = cpus < 1 ? 1 : cpus > DEFAULT_SMS_MAX ? DEFAULT_SMS_MAX : (uint32_t)cpus;
	if (!complete.vram_bytes)
		complete.vram_bytes = DEFAULT_VRAM_BYTES;
	return ferry_embedded_open(&complete, ops, backend);
}

int ferry_host_open(const struct ferry_options *options, const struct ferry_kernel_sys *sys, const char **host,
                    const struct ferry_backend_ops **ops, void **backend)
{
	const char *asked = options->host ? options->host : "process";
	bool process = !strcmp(asked, "process"), kernel = !strcmp(asked, "kernel");
	int err = FERRY_E_HOST_UNAVAILABLE;

	if (!process && !kernel && strcmp(asked, "auto"))
		return ferry_fail(FERRY_E_INVAL, "no host is called '%s': process, kernel or auto", asked);
	if (process && options->node)
		return ferry_fail(FERRY_E_INVAL, "%s is a node of the kernel host: the host is process",
		                  options->node);
	if (!process)
		err = ferry_kernel_open(options, sys, ops, backend);
	if (!err)
		*host = "kernel";
	if (kernel || err != FERRY_E_HOST_UNAVAILABLE)
		return err;
	err = process_open(options, ops, backend);
	if (!err)
		*host = "process";
	return err;
}
