// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The callback that names a device node gets a const device.
 *
 * From Linux 6.2: ff62b8e6588f "driver core: make struct class.devnode() take a const *".
 */
#include <linux/device.h>

static char *devnode(const struct device *dev, umode_t *mode)
{
	return NULL;
}

void ferry_probe(struct class *class);
void ferry_probe(struct class *class)
{
	class->devnode = devnode;
}
