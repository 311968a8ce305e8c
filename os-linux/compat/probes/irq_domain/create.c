// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * An interrupt domain of our own, and one interrupt of it raised by software.
 *
 * All kernels: irq_domain_create_linear() since 3.19, generic_handle_domain_irq() since 5.14.
 * (irq_domain_add_linear() is gone in 7.3.)
 *
 * Exports: irq_domain_remove irq_domain_free_fwnode generic_handle_domain_irq
 * Exports: irq_create_mapping_affinity
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>

int ferry_probe(const struct irq_domain_ops *ops);
int ferry_probe(const struct irq_domain_ops *ops)
{
	struct fwnode_handle *node = irq_domain_alloc_named_fwnode("ferry");
	struct irq_domain *domain = irq_domain_create_linear(node, 8, ops, NULL);

	irq_create_mapping(domain, 0);
	generic_handle_domain_irq(domain, 0);
	irq_domain_remove(domain);
	irq_domain_free_fwnode(node);
	return 0;
}
