// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * module.c - ferry_soft.ko: parameters, and the platform devices that they ask for.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "soft.h"

#define NODES_MAX 16u
#define SMS_DEFAULT_MAX 8u
/* What an engine needs besides, rounded up: registers and private memory of 1024 threads. */
#define SM_MIB 1u

static unsigned int nodes = 1;
module_param(nodes, uint, 0444);
MODULE_PARM_DESC(nodes, "how many nodes /dev/ferryN (1 to 16; default 1)");

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "GPUs of each node (1 to 4; default 1)");

static unsigned int vram_mb = 64;
module_param(vram_mb, uint, 0444);
MODULE_PARM_DESC(vram_mb, "MiB of each GPU, even; of all at most a quarter of RAM (default 64)");

static unsigned int sms;
module_param(sms, uint, 0444);
MODULE_PARM_DESC(sms, "engines of each GPU (1 to 64; default: CPUs online, at most 8)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of what the fault knobs in debugfs draw (default 0)");

static unsigned long caps_off;
module_param(caps_off, ulong, 0444);
MODULE_PARM_DESC(caps_off, "FG1_CAP_* bits that the GPUs lack (default 0)");

static bool inline_channels = true;
module_param(inline_channels, bool, 0444);
MODULE_PARM_DESC(inline_channels,
		 "commands may run on the thread that rings the doorbell (default 1)");

struct soft_gpu_config soft_config;
u32 soft_devices;

static struct platform_device **pdevs;

/* ---- parameters ---- */

static int params_check(void)
{
	u64 mib, ram_mib = totalram_pages() >> (20 - PAGE_SHIFT);

	if (!sms)
		sms = min(num_online_cpus(), SMS_DEFAULT_MAX);
	if (!nodes || nodes > NODES_MAX || !devices || devices > FERRY_MAX_DEVICES ||
	    sms > SOFT_SMS_MAX || !vram_mb || vram_mb % 2 ||
	    (caps_off & ~(unsigned long)FG1_CAP_ALL)) {
		pr_err("ferry_soft: a parameter is out of range; see modinfo -p ferry_soft\n");
		return -EINVAL;
	}
	mib = (u64)nodes * devices * ((u64)vram_mb + (u64)sms * SM_MIB);
	if (mib > ram_mib / 4) {
		pr_err("ferry_soft: %u x %u GPUs, %u MiB, %u engines: %llu MiB; RAM / 4 is %llu\n",
		       nodes, devices, vram_mb, sms, mib, ram_mib / 4);
		return -EINVAL;
	}
	soft_config = (struct soft_gpu_config){
		.vram_bytes = (u64)vram_mb << 20,
		.caps = FG1_CAP_ALL & ~(u64)caps_off,
		.seed = seed,
		.sms = sms,
		.inline_channels = inline_channels,
	};
	soft_devices = devices;
	return 0;
}

/* ---- devices ---- */

static void pdevs_remove(u32 count)
{
	while (count--)
		platform_device_unregister(pdevs[count]);
}

/* A device that did not probe is no use: whoever loads the module shall hear of it. */
static int pdev_add(u32 id)
{
	struct platform_device *pdev =
		platform_device_register_simple("ferry-soft", (int)id, NULL, 0);

	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	if (!platform_get_drvdata(pdev)) {
		platform_device_unregister(pdev);
		return soft_probe_error ? soft_probe_error : -ENODEV;
	}
	pdevs[id] = pdev;
	return 0;
}

static int __init soft_init(void)
{
	int err = params_check();
	u32 i;

	if (err)
		return err;
	pdevs = kcalloc(nodes, sizeof(*pdevs), GFP_KERNEL);
	if (!pdevs)
		return -ENOMEM;
	err = platform_driver_register(&soft_driver);
	if (err)
		goto free_pdevs;
	for (i = 0; i < nodes; i++) {
		err = pdev_add(i);
		if (err)
			goto remove_pdevs;
	}
	return 0;

remove_pdevs:
	pdevs_remove(i);
	platform_driver_unregister(&soft_driver);
free_pdevs:
	kfree(pdevs);
	return err;
}

static void __exit soft_exit(void)
{
	pdevs_remove(nodes);
	platform_driver_unregister(&soft_driver);
	kfree(pdevs);
}

module_init(soft_init);
module_exit(soft_exit);

MODULE_DESCRIPTION("Software GPU for Ferry");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(FERRY_VERSION_STRING);
MODULE_ALIAS("platform:ferry-soft");
