/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * pmm_impl.h - what pmm.c and tenant.c share. Nobody else includes it.
 */
#ifndef FERRY_PMM_IMPL_H
#define FERRY_PMM_IMPL_H

#include "pmm/pmm.h"
#include "pmm/root.h"

struct ferry_pmm {
	struct ferry_spin lock FERRY_LOCK_ROW(PMM);       /* class PMM; guards all that follows */
	struct ferry_list by_age FERRY_GUARDED_BY(&lock); /* tenants with frames, oldest first */
	struct ferry_roots roots FERRY_GUARDED_BY(&lock);
	uint64_t tenants FERRY_GUARDED_BY(&lock); /* in by_age */
	uint64_t pinned FERRY_GUARDED_BY(&lock);  /* tenants with a pin, in the list or not */
	struct ferry_mem *mem;                    /* constant */
};

/* A tenant has its first frames, or gave its last ones. PMM held. */
void ferry_tenant_enter(struct ferry_pmm *pmm, struct ferry_tenant *tenant) FERRY_NEEDS(&pmm->lock);
void ferry_tenant_leave(struct ferry_pmm *pmm, struct ferry_tenant *tenant) FERRY_NEEDS(&pmm->lock);
/* The age list is sound, and its tenants hold frames_taken together. PMM held. */
bool ferry_tenant_audit(const struct ferry_pmm *pmm, uint64_t frames_taken) FERRY_NEEDS(&pmm->lock);

/* The tenant has count more (fewer, and at least so many) frames. count > 0. PMM held. */
static inline void ferry_tenant_charge(struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t count)
	FERRY_NEEDS(&pmm->lock)
{
	if (__builtin_expect(!tenant->frames, 0))
		ferry_tenant_enter(pmm, tenant);
	tenant->frames += count;
}

static inline void ferry_tenant_uncharge(struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t count)
	FERRY_NEEDS(&pmm->lock)
{
	tenant->frames -= count;
	if (__builtin_expect(!tenant->frames, 0))
		ferry_tenant_leave(pmm, tenant);
}

#endif /* FERRY_PMM_IMPL_H */
