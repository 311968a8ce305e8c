// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * node.c - /dev/ferryN: GPUs that a driver registers, with a core to drive them, for as long as
 * somebody needs them.
 *
 *      register          open ... release          unregister              the last release
 *   --------------> LIVE <--------------------> LIVE ----------> GONE ------------------------>
 * ended | unregister, nobody has it open                                            ^
 *                     +---------------------------------------------------------------------------+
 *
 *   GONE: the driver is not called any more; the core believes that its devices died. Users find
 * out by ENODEV and SIGBUS, and can take their time.
 */
#include <linux/idr.h>
#include <linux/slab.h>

#include "kernel.h"

#define NODES_MAX 256u

static dev_t first_devt;
static DEFINE_IDA(minors);
static LIST_HEAD(nodes);
static DEFINE_MUTEX(nodes_lock);

/* ---- handles ---- */

int ferry_node_get(struct ferry_node *node)
{
	int err = 0;

	mutex_lock(&node->lock);
	if (node->closing || !try_module_get(node->owner))
		err = FERRY_E_DEVICE_LOST;
	else
		node->handles++;
	mutex_unlock(&node->lock);
	if (!err)
		get_device(&node->dev);
	return err;
}

/* node->lock held, no handle is open and none will be. */
static void node_end(struct ferry_node *node)
{
	ferry_core_destroy(node->core);
	node->core = NULL;
}

void ferry_node_put(struct ferry_node *node)
{
	struct module *owner = node->owner;

	mutex_lock(&node->lock);
	node->handles--;
	if (!node->handles && node->closing)
		node_end(node);
	mutex_unlock(&node->lock);
	put_device(&node->dev);
	module_put(owner);
}

void ferry_node_file_add(struct ferry_file *file)
{
	mutex_lock(&nodes_lock);
	list_add_tail(&file->list, &file->node->files);
	mutex_unlock(&nodes_lock);
}

void ferry_node_file_del(struct ferry_file *file)
{
	mutex_lock(&nodes_lock);
	list_del(&file->list);
	mutex_unlock(&nodes_lock);
}

bool ferry_files_try_each(void (*fn)(struct ferry_file *file, void *arg), void *arg)
{
	struct ferry_node *node;
	struct ferry_file *file;

	if (!mutex_trylock(&nodes_lock))
		return false;
	list_for_each_entry(node, &nodes, list)
		list_for_each_entry(file, &node->files, list)
			fn(file, arg);
	mutex_unlock(&nodes_lock);
	return true;
}

void ferry_nodes_each(void (*fn)(struct ferry_node *node, void *arg), void *arg)
{
	struct ferry_node *node;

	mutex_lock(&nodes_lock);
	list_for_each_entry(node, &nodes, list)
		fn(node, arg);
	mutex_unlock(&nodes_lock);
}

/* ---- life ---- */

static void node_release(struct device *dev)
{
	struct ferry_node *node = container_of(dev, struct ferry_node, dev);

	ida_free(&minors, MINOR(dev->devt) - MINOR(first_devt));
	cleanup_srcu_struct(&node->gone_srcu);
	mutex_destroy(&node->lock);
	kfree(node);
}

static int node_core_create(struct ferry_node *node, const struct ferry_node_desc *desc)
{
	int err = ferry_core_create(NULL, &node->core);

	if (err)
		return err;
	for (uint32_t i = 0; i < desc->device_count; i++) {
		struct ferry_kdev *kdev = &node->devices[i];
		uint32_t id;

		kdev->node = node;
		kdev->id = i;
		kdev->desc = &desc->devices[i];
		err = ferry_core_add_device(node->core, kdev->desc->hal, &ferry_kdev_ops, kdev,
					    &id);
		if (err) {
			ferry_core_destroy(node->core);
			return err;
		}
	}
	node->device_count = desc->device_count;
	return 0;
}

/* A struct device with a number, not yet visible. put_device() undoes it. */
static struct ferry_node *node_alloc(const struct ferry_node_desc *desc)
{
	struct ferry_node *node = kzalloc(sizeof(*node), GFP_KERNEL);
	int minor;

	if (!node)
		return NULL;
	minor = ida_alloc_max(&minors, NODES_MAX - 1, GFP_KERNEL);
	if (minor < 0)
		goto free_node;
	if (init_srcu_struct(&node->gone_srcu))
		goto free_minor;
	mutex_init(&node->lock);
	INIT_LIST_HEAD(&node->files);
	device_initialize(&node->dev);
	node->dev.class = ferry_class;
	node->dev.parent = desc->parent;
	node->dev.devt = first_devt + minor;
	node->dev.release = node_release;
	node->owner = desc->owner;
	if (dev_set_name(&node->dev, "ferry%d", minor)) {
		put_device(&node->dev);
		return NULL;
	}
	return node;

free_minor:
	ida_free(&minors, minor);
free_node:
	kfree(node);
	return NULL;
}

int ferry_device_register(const struct ferry_node_desc *desc, struct ferry_node **out)
{
	struct ferry_node *node;
	int err;

	if (!desc->device_count || desc->device_count > FERRY_MAX_DEVICES)
		return FERRY_E_DEVICE_TOO_MANY;
	node = node_alloc(desc);
	if (!node)
		return FERRY_E_NOMEM;
	err = node_core_create(node, desc);
	if (err)
		goto put_node;
	cdev_init(&node->cdev, &ferry_fops);
	node->cdev.owner = THIS_MODULE;
	mutex_lock(&nodes_lock);
	list_add_tail(&node->list, &nodes);
	mutex_unlock(&nodes_lock);
	if (cdev_device_add(&node->cdev, &node->dev)) {
		err = FERRY_E_NOMEM;
		goto unlist;
	}
	dev_info(&node->dev, "%u GPU(s), %s\n", node->device_count,
		 node->devices[0].desc->hal->name);
	*out = node;
	return 0;

unlist:
	mutex_lock(&nodes_lock);
	list_del(&node->list);
	mutex_unlock(&nodes_lock);
	ferry_core_destroy(node->core);
put_node:
	put_device(&node->dev);
	return err;
}
EXPORT_SYMBOL_GPL(ferry_device_register);

/* Somebody has it open: take the devices from under the core. */
static void node_take_devices(struct ferry_node *node)
{
	for (uint32_t i = 0; i < node->device_count; i++) {
		const struct ferry_device_desc *desc = node->devices[i].desc;

		desc->irq_disable(desc->dev);
		desc->stop(desc->dev);
	}
	smp_store_release(&node->gone, true); /* pairs with kdev_enter() */
	synchronize_srcu(&node->gone_srcu);
	for (uint32_t i = 0; i < node->device_count; i++)
		ferry_core_device_gone(node->core, i);
}

void ferry_device_unregister(struct ferry_node *node)
{
	cdev_device_del(&node->cdev, &node->dev);
	mutex_lock(&nodes_lock); /* the shrinker is out of it from here on */
	list_del(&node->list);
	mutex_unlock(&nodes_lock);
	mutex_lock(&node->lock);
	node->closing = true;
	if (node->handles)
		node_take_devices(node);
	else
		node_end(node);
	mutex_unlock(&node->lock);
	put_device(&node->dev);
}
EXPORT_SYMBOL_GPL(ferry_device_unregister);

int ferry_nodes_init(void)
{
	return alloc_chrdev_region(&first_devt, 0, NODES_MAX, "ferry");
}

void ferry_nodes_exit(void)
{
	unregister_chrdev_region(first_devt, NODES_MAX);
	ida_destroy(&minors);
}
