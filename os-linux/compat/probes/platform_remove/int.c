// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * platform_driver.remove returns int.
 *
 * Up to Linux 6.10.
 */
#include <linux/platform_device.h>

static int remove(struct platform_device *dev)
{
	return 0;
}

void ferry_probe(struct platform_driver *driver);
void ferry_probe(struct platform_driver *driver)
{
	driver->remove = remove;
}
