/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ferryctl status: hosts, devices, capabilities, each with its reason. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "tools/options.h"

static const char *const capability_names[FERRY_CAPABILITIES] = {
	"faults",   "cancel",       "atomics",     "big_pages",       "huge_pages", "virtual_copy", "float",
	"host_map", "self_refresh", "read_mostly", "cpu_maps_device", "syscalls",   "suspend",
};

static void device_text(const struct ferry_req_device_info *info)
{
	char total[24], free_text[24];

	printf("device %u: %s, %s of memory, %s free, %u engines%s\n", info->device, info->name,
	       size_text(info->vram_bytes, total), size_text(info->vram_free_bytes, free_text), info->sms,
	       info->lost ? ", lost" : "");
}

static struct json_object *device_json(const struct ferry_req_device_info *info)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "device", json_object_new_int64(info->device));
	json_object_object_add(o, "name", json_object_new_string(info->name));
	json_object_object_add(o, "vram_bytes", json_object_new_int64((int64_t)info->vram_bytes));
	json_object_object_add(o, "vram_free_bytes", json_object_new_int64((int64_t)info->vram_free_bytes));
	json_object_object_add(o, "engines", json_object_new_int64(info->sms));
	json_object_object_add(o, "lost", json_object_new_boolean(info->lost != 0));
	return o;
}

static int capabilities_show(struct ferry *f, uint32_t device, bool json, struct json_object *to)
{
	for (uint32_t c = 0; c < FERRY_CAPABILITIES; c++) {
		char reason[128];
		bool yes;
		int err = ferry_query(f, device, (enum ferry_capability)c, &yes, reason, sizeof(reason));

		if (err)
			return complain("capabilities", err);
		if (json) {
			struct json_object *o = json_object_new_object();

			json_object_object_add(o, "supported", json_object_new_boolean(yes));
			json_object_object_add(o, "reason", json_object_new_string(reason));
			json_object_object_add(to, capability_names[c], o);
		} else {
			printf("  %-16s %-3s  %s\n", capability_names[c], yes ? "yes" : "no", reason);
		}
	}
	return 0;
}

static int status_show(struct ferry *f, const struct run_options *opts, struct json_object *root)
{
	struct json_object *devices = json_object_new_array();
	struct ferry_req_device_info info = {.devices = 1};

	for (uint32_t d = 0; d < info.devices; d++) {
		struct json_object *o;
		int err = ferry_device_info(f, d, &info);

		if (err) {
			json_object_put(devices);
			return complain("device", err);
		}
		if (!opts->json)
			device_text(&info);
		o = device_json(&info);
		json_object_array_add(devices, o);
		if (capabilities_show(f, d, opts->json, o)) {
			json_object_put(devices);
			return 1;
		}
	}
	json_object_object_add(root, "devices", devices);
	return 0;
}

int cmd_status(int argc, char **argv)
{
	struct ferry_options fo = {.size = sizeof(fo)};
	struct run_options opts;
	struct json_object *root;
	struct ferry *f;
	int err = run_options_parse(argc, argv, &opts);

	if (err)
		return err;
	fo.vram_bytes = opts.vram_bytes;
	fo.devices = opts.devices;
	fo.sms = opts.sms;
	fo.host = opts.host;
	fo.cpu_faults = opts.cpu_faults;
	err = ferry_open(&fo, &f);
	if (err == FERRY_E_HOST_UNAVAILABLE) {
		fprintf(stderr, "ferryctl: host %s is not available: %s\n", opts.host, ferry_last_error());
		return 1;
	}
	if (err)
		return complain("open", err);
	root = json_object_new_object();
	json_object_object_add(root, "version", json_object_new_string(ferry_version()));
	json_object_object_add(root, "host", json_object_new_string("process"));
	json_object_object_add(root, "host_kernel",
	                       json_object_new_string("not available: there is no kernel module of Ferry yet"));
	if (!opts.json)
		printf("ferry %s\nhost process: available (driver and software GPU in this process)\n"
		       "host kernel: not available: there is no kernel module of Ferry yet\n",
		       ferry_version());
	err = status_show(f, &opts, root);
	if (!err && opts.json)
		printf("%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
		                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	ferry_close(f);
	return err;
}
