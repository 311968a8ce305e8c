// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * irq.c - interrupts of a device that has no wires: a domain of our own, and an irq_work that
 * raises them.
 *
 *   engine's thread          self-IPI, hard interrupt context          ferry.ko
 *     soft_irq_raise() --> irq_work --> generic_handle_irq(virq) --> handler(fn)
 *
 * So handlers run where a real device's would, show in /proc/interrupts, and are threaded where the
 * kernel threads them (PREEMPT_RT, threadirqs). The flow is that of an edge: one that comes while
 * its handler runs on another CPU runs it once more; handle_simple_irq() would drop it. Each vector
 * has its own irq_work: two that wait are both delivered. One raised twice before the irq_work ran
 * is delivered twice, so that the double knob means what it says.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>

#include "soft.h"

static const char *const vector_names[FG1_IRQ_VECTORS] = {
	[FG1_IRQ_FAULT] = "fault",
	[FG1_IRQ_SEMAPHORE] = "semaphore",
	[FG1_IRQ_ERROR] = "error",
};

/* ---- the interrupt controller: nothing to acknowledge, nothing to mask ---- */

static void chip_nop(struct irq_data *data)
{
}

static struct irq_chip chip = {
	.name = "ferry-soft",
	.irq_ack = chip_nop,
	.irq_mask = chip_nop,
	.irq_unmask = chip_nop,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int domain_map(struct irq_domain *domain, unsigned int virq, irq_hw_number_t hwirq)
{
	irq_set_chip_and_handler_name(virq, &chip, handle_edge_irq, "edge");
	irq_set_chip_data(virq, domain->host_data);
	irq_modify_status(virq, IRQ_NOREQUEST | IRQ_NOAUTOEN, IRQ_NOPROBE);
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.map = domain_map,
};

/* ---- delivery ---- */

/* Hard interrupt context. */
static void vector_deliver(struct irq_work *work)
{
	struct soft_vector *v = container_of(work, struct soft_vector, work);

	/* More than two say nothing that two do not. */
	for (int n = min(atomic_xchg(&v->raised, 0), 2); n > 0; n--)
		generic_handle_irq(v->virq);
}

void soft_irq_raise(struct soft_irq *irq, u32 vector)
{
	struct soft_vector *v = &irq->vectors[vector];

	if (!READ_ONCE(irq->on))
		return;
	atomic_inc(&v->raised);
	/* Before the look at whether work is queued; pairs with vector_deliver(). */
	smp_mb__after_atomic();
	irq_work_queue(&v->work);
}

static irqreturn_t vector_handler(int virq, void *arg)
{
	struct soft_vector *v = arg;

	v->irq->fn(v->irq->arg, v->vector);
	return IRQ_HANDLED;
}

/* ---- on and off ---- */

static void vectors_free(struct soft_irq *irq, u32 count)
{
	WRITE_ONCE(irq->on, false);
	while (count--) {
		irq_work_sync(&irq->vectors[count].work);
		free_irq(irq->vectors[count].virq, &irq->vectors[count]);
	}
}

int soft_irq_enable(struct soft_irq *irq, ferry_irq_fn fn, void *arg)
{
	u32 i;

	irq->fn = fn;
	irq->arg = arg;
	for (i = 0; i < FG1_IRQ_VECTORS; i++) {
		struct soft_vector *v = &irq->vectors[i];

		if (request_irq(v->virq, vector_handler, 0, v->name, v)) {
			vectors_free(irq, i);
			return FERRY_E_NOMEM;
		}
	}
	WRITE_ONCE(irq->on, true);
	return 0;
}

void soft_irq_disable(struct soft_irq *irq)
{
	if (irq->on)
		vectors_free(irq, FG1_IRQ_VECTORS);
}

/* ---- life ---- */

static void vectors_unmap(struct soft_irq *irq, u32 count)
{
	while (count--) {
		/* One that was raised while interrupts were switched off may still be on its way.
		 */
		irq_work_sync(&irq->vectors[count].work);
		irq_dispose_mapping(irq->vectors[count].virq);
	}
}

int soft_irq_init(struct soft_irq *irq, const char *name)
{
	u32 i;

	irq->node = irq_domain_alloc_named_fwnode(name);
	if (!irq->node)
		return FERRY_E_NOMEM;
	irq->domain = irq_domain_create_linear(irq->node, FG1_IRQ_VECTORS, &domain_ops, irq);
	if (IS_ERR_OR_NULL(irq->domain))
		goto free_node;
	for (i = 0; i < FG1_IRQ_VECTORS; i++) {
		struct soft_vector *v = &irq->vectors[i];

		v->irq = irq;
		v->vector = i;
		v->work = IRQ_WORK_INIT_HARD(vector_deliver);
		snprintf(v->name, sizeof(v->name), "%s-%s", name, vector_names[i]);
		v->virq = irq_create_mapping(irq->domain, i);
		if (!v->virq)
			goto unmap;
	}
	return 0;

unmap:
	vectors_unmap(irq, i);
	irq_domain_remove(irq->domain);
free_node:
	irq_domain_free_fwnode(irq->node);
	return FERRY_E_NOMEM;
}

void soft_irq_fini(struct soft_irq *irq)
{
	soft_irq_disable(irq);
	vectors_unmap(irq, FG1_IRQ_VECTORS);
	irq_domain_remove(irq->domain);
	irq_domain_free_fwnode(irq->node);
}
