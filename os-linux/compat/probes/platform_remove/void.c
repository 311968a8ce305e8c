// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * platform_driver.remove returns void.
 *
 * From Linux 6.11: 0edb555a65d1 "platform: Make platform_driver::remove() return void".
 */
#include <linux/platform_device.h>

static void remove(struct platform_device *dev)
{
}

void ferry_probe(struct platform_driver *driver);
void ferry_probe(struct platform_driver *driver)
{
	driver->remove = remove;
}
