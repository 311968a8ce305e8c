/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ferryctl status: hosts, devices, capabilities, each with its reason. */
#include <glob.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/session.h"

static const char *const capability_names[] = {
	"faults",   "cancel",       "atomics",     "big_pages",       "huge_pages", "virtual_copy", "float",
	"host_map", "self_refresh", "read_mostly", "cpu_maps_device", "syscalls",   "suspend",      "register",
};
_Static_assert(sizeof(capability_names) / sizeof(capability_names[0]) == FERRY_CAPABILITIES, "a name for each");

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

/* The devices of one handle: shown, or one after the other in *out. */
static int devices_show(struct ferry *f, bool json, struct json_object **out)
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
		if (!json)
			device_text(&info);
		o = device_json(&info);
		json_object_array_add(devices, o);
		if (capabilities_show(f, d, json, o)) {
			json_object_put(devices);
			return 1;
		}
	}
	*out = devices;
	return 0;
}

/* ---- the kernel host ------------------------------------------------------------------------------------- */

#define NODES_MAX 64u

struct nodes {
	const char *path[NODES_MAX];
	uint32_t count;
	glob_t glob; /* what the paths point into */
};

static uint32_t node_number(const char *path)
{
	return (uint32_t)strtoul(path + strlen("/dev/ferry"), NULL, 10);
}

static int node_order(const void *a, const void *b)
{
	uint32_t left = node_number(*(const char *const *)a), right = node_number(*(const char *const *)b);

	return left < right ? -1 : left > right;
}

/* The node named, else all there are; one that is missing when there are none, to say so. */
static void nodes_find(struct nodes *nodes, const struct run_options *opts)
{
	const char *env = getenv("FERRY_DEVICE");

	memset(nodes, 0, sizeof(*nodes));
	if (opts->node || (env && env[0])) {
		nodes->path[nodes->count++] = opts->node ? opts->node : env;
		return;
	}
	if (!glob("/dev/ferry[0-9]*", 0, NULL, &nodes->glob))
		while (nodes->count < NODES_MAX && nodes->count < nodes->glob.gl_pathc) {
			nodes->path[nodes->count] = nodes->glob.gl_pathv[nodes->count];
			nodes->count++;
		}
	qsort(nodes->path, nodes->count, sizeof(nodes->path[0]), node_order);
	if (!nodes->count)
		nodes->path[nodes->count++] = "/dev/ferry0";
}

/* What was found out about the nodes. */
struct kernel_status {
	struct json_object *nodes;   /* each, with its devices when shown */
	struct json_object *devices; /* of the first usable one, borrowed from nodes; NULL */
	char text[400];              /* "available (PATH, ...)", or "not available: REASON" */
};

/* Usable, or why not. options: what is asked of it; NULL: nothing, and its devices are not shown. */
static bool node_show(const char *path, const struct ferry_options *options, bool json, struct kernel_status *to)
{
	struct ferry_options fo = options ? *options : (struct ferry_options){.size = sizeof(fo)};
	struct json_object *o = json_object_new_object(), *devices = NULL;
	struct ferry *f = NULL;
	const char *status = "available";
	int err;

	fo.host = "kernel";
	fo.node = path;
	err = ferry_open(&fo, &f);
	if (err)
		status = ferry_last_error();
	if (options && !json)
		printf("node %s: %s\n", path, status);
	json_object_object_add(o, "node", json_object_new_string(path));
	json_object_object_add(o, "status", json_object_new_string(status));
	if (err && !to->text[0])
		(void)snprintf(to->text, sizeof(to->text), "not available: %s", status);
	if (!err && options)
		err = devices_show(f, json, &devices);
	if (devices) {
		json_object_object_add(o, "devices", devices);
		if (!to->devices)
			to->devices = devices;
	}
	json_object_array_add(to->nodes, o);
	ferry_close(f);
	return !err;
}

/* Every node there is. Whether one is usable. */
static bool nodes_show(const struct run_options *opts, const struct ferry_options *options, struct kernel_status *out)
{
	struct nodes nodes;
	char usable[300] = "";
	size_t at = 0;

	*out = (struct kernel_status){.nodes = json_object_new_array()};
	nodes_find(&nodes, opts);
	for (uint32_t i = 0; i < nodes.count; i++)
		if (node_show(nodes.path[i], options, opts->json, out) && at < sizeof(usable))
			at += (size_t)snprintf(usable + at, sizeof(usable) - at, "%s%s", at ? ", " : "",
			                       nodes.path[i]);
	if (at)
		(void)snprintf(out->text, sizeof(out->text), "available (%s)", usable);
	globfree(&nodes.glob);
	return at;
}

/* ---- the command ----------------------------------------------------------------------------------------- */

static void about_kernel(const struct kernel_status *status, bool json, struct json_object *root)
{
	if (!json)
		printf("host kernel: %s\n", status->text);
	json_object_object_add(root, "host_kernel", json_object_new_string(status->text));
	json_object_object_add(root, "nodes", status->nodes);
}

static int status_process(struct ferry *f, const struct run_options *opts, struct json_object *root)
{
	struct json_object *devices;
	struct kernel_status status;
	int err;

	(void)nodes_show(opts, NULL, &status);
	about_kernel(&status, opts->json, root);
	err = devices_show(f, opts->json, &devices);
	if (!err)
		json_object_object_add(root, "devices", devices);
	return err;
}

/* All nodes, each with its devices; "devices" are those of the first usable one. */
static int status_kernel(const struct run_options *opts, const struct ferry_options *options,
                         struct json_object *root)
{
	struct kernel_status status;
	bool usable = nodes_show(opts, options, &status);

	about_kernel(&status, opts->json, root);
	if (status.devices)
		json_object_object_add(root, "devices", json_object_get(status.devices));
	if (!usable)
		fprintf(stderr, "ferryctl: host kernel is %s\n", status.text);
	return usable ? 0 : 1;
}

static int status_show(const struct run_options *opts, struct json_object *root)
{
	const struct ferry_options options = {.size = sizeof(options),
	                                      .host = opts->host,
	                                      .node = opts->node,
	                                      .vram_bytes = opts->vram_bytes,
	                                      .devices = opts->devices,
	                                      .sms = opts->sms,
	                                      .cpu_faults = opts->cpu_faults};
	bool kernel = !strcmp(opts->host, "kernel");
	struct ferry *f = NULL;
	int err = kernel ? 0 : ferry_open(&options, &f);

	if (err)
		return complain("open", err);
	kernel = kernel || !strcmp(ferry_host(f), "kernel");
	json_object_object_add(root, "version", json_object_new_string(ferry_version()));
	json_object_object_add(root, "host", json_object_new_string(kernel ? "kernel" : "process"));
	if (!opts->json)
		printf("ferry %s\nhost process: available (driver and software GPU in this process)\n",
		       ferry_version());
	err = kernel ? status_kernel(opts, &options, root) : status_process(f, opts, root);
	ferry_close(f);
	return err;
}

int cmd_status(int argc, char **argv)
{
	struct run_options opts;
	struct json_object *root;
	int err = run_options_parse(argc, argv, &opts);

	if (err)
		return err;
	root = json_object_new_object();
	err = status_show(&opts, root);
	if (!err && opts.json)
		printf("%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
		                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return output_done(err);
}
