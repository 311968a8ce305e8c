// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * debugfs.c - /sys/kernel/debug/ferry/locks: of each node, what the core's lock check saw. The
 * numbers are those of request LOCKS (uapi/ferry.h), the file is for who has no handle at hand.
 */
#include <linux/bitops.h>
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/seq_file.h>

#include "kernel.h"
#include "os_init.h"

static struct dentry *locks_file;

static void show_names(struct seq_file *seq, struct ferry_core *core, const char *what, u64 set)
{
	struct ferry_req_locks other = {.size = sizeof(other)};

	if (!set)
		return;
	seq_puts(seq, what);
	for (; set; set &= set - 1) {
		other.row = __ffs64(set);
		if (!ferry_core_locks(core, &other))
			seq_printf(seq, " %s", other.name);
	}
}

static void show_row(struct seq_file *seq, struct ferry_core *core, const struct ferry_req_locks *r)
{
	seq_printf(seq, "%-17s %-9s", r->name, r->kind);
	if (r->row < r->rows)
		seq_printf(seq,
			   " %llu acquired, %llu waited %llu max %llu ns, held %llu max %llu ns",
			   r->acquired, r->contended,
			   div64_u64(r->wait_ns, r->contended ? r->contended : 1), r->wait_max_ns,
			   div64_u64(r->hold_ns, r->holds ? r->holds : 1), r->hold_max_ns);
	show_names(seq, core, "; under", r->seen);
	show_names(seq, core, "; tried under", r->seen_tried);
	show_names(seq, core, "; BROKEN under", r->seen_broken);
	seq_putc(seq, '\n');
}

static void show_node(struct ferry_node *node, void *arg)
{
	struct ferry_req_locks r = {.size = sizeof(r)};
	struct seq_file *seq = arg;

	for (; !ferry_core_locks(node->core, &r); r.row++) {
		if (!r.row)
			seq_printf(seq, "%s: %llu violations; one entry in %llu is watched\n",
				   dev_name(&node->dev), r.violations, r.one_in);
		show_row(seq, node->core, &r);
	}
}

static int locks_show(struct seq_file *seq, void *unused)
{
	ferry_nodes_each(show_node, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(locks);

/* A kernel without debugfs has none of it. */
void ferry_debugfs_init(void)
{
	locks_file = debugfs_create_file("locks", 0400, ferry_kernel_debugfs(), NULL, &locks_fops);
}

/* Before the nodes go. */
void ferry_debugfs_exit(void)
{
	debugfs_remove(locks_file);
}
