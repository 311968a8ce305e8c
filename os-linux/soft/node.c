// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * node.c - the platform driver: a device is one node, /dev/ferryN, with some software GPUs.
 *
 *   probe    GPUs, then ferry_device_register(), then files in debugfs
 *   remove   exactly backwards; also while in use (echo ferry-soft.0 > unbind): ferry.ko lets the
 *            users know, and calls us no more
 */
#include <linux/debugfs.h>
#include <linux/platform_device.h>

#include "compat/compat.h"
#include "os_init.h"
#include "soft.h"

struct soft_node {
	struct ferry_node *ferry;
	struct dentry *debugfs;
	u32 count;
	struct soft_gpu *gpus[FERRY_MAX_DEVICES];
	struct ferry_device_desc devices[FERRY_MAX_DEVICES];
};

int soft_probe_error;

static void gpus_destroy(struct soft_node *node)
{
	while (node->count)
		soft_gpu_destroy(node->gpus[--node->count]);
}

static int gpus_create(struct soft_node *node, u32 id)
{
	while (node->count < soft_devices) {
		struct soft_gpu_config config = soft_config;
		int err;

		/* No two devices of the machine draw the same numbers. */
		config.seed += (u64)id * FERRY_MAX_DEVICES + node->count;
		err = soft_gpu_create(&config, id, node->count, soft_devices == 1,
				      &node->gpus[node->count]);
		if (err) {
			gpus_destroy(node);
			return err;
		}
		soft_gpu_describe(node->gpus[node->count], &node->devices[node->count]);
		node->count++;
	}
	return 0;
}

static void debugfs_add(struct soft_node *node, u32 id)
{
	char name[16];
	u32 i;

	snprintf(name, sizeof(name), "soft.%u", id);
	node->debugfs = debugfs_create_dir(name, ferry_kernel_debugfs());
	for (i = 0; i < node->count; i++)
		soft_knobs_add(node->gpus[i], i, node->debugfs);
}

static int node_probe(struct platform_device *pdev)
{
	struct soft_node *node = ferry_os_zalloc(sizeof(*node), 0);
	struct ferry_node_desc desc;
	u32 id = (u32)pdev->id;
	int err = FERRY_E_NOMEM;

	if (!node)
		goto fail;
	err = gpus_create(node, id);
	if (err)
		goto free_node;
	desc = (struct ferry_node_desc){
		.parent = &pdev->dev,
		.owner = THIS_MODULE,
		.device_count = node->count,
		.devices = node->devices,
	};
	err = ferry_device_register(&desc, &node->ferry);
	if (err)
		goto destroy_gpus;
	debugfs_add(node, id);
	platform_set_drvdata(pdev, node);
	return 0;

destroy_gpus:
	gpus_destroy(node);
free_node:
	ferry_os_free(node);
fail:
	soft_probe_error = ferry_device_errno(err);
	return soft_probe_error;
}

static void node_remove(struct platform_device *pdev)
{
	struct soft_node *node = platform_get_drvdata(pdev);

	debugfs_remove_recursive(node->debugfs);
	ferry_device_unregister(node->ferry);
	gpus_destroy(node);
	ferry_os_free(node);
}

FERRY_COMPAT_PLATFORM_REMOVE(node_remove);

struct platform_driver soft_driver = {
	.probe = node_probe,
	.remove = FERRY_COMPAT_PLATFORM_REMOVE_NAME(node_remove),
	.driver = {.name = "ferry-soft", .probe_type = PROBE_FORCE_SYNCHRONOUS},
};
