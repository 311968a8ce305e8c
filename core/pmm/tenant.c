/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * tenant.c - who holds frames, since when untouched, and who has to leave next.
 *
 *     by_age   oldest [A: 512 frames, pinned] [B: 16 frames] [C: 3 frames] youngest
 *                      skipped                 ^ the victim
 *
 * A tenant without frames is in no list: it has nothing to give.
 */
#include "pmm/pmm_impl.h"

static struct ferry_tenant *tenant_of(struct ferry_list *node)
{
	return FERRY_LIST_ENTRY(node, struct ferry_tenant, by_age);
}

void ferry_tenant_init(struct ferry_tenant *tenant)
{
	memset(tenant, 0, sizeof(*tenant));
	ferry_list_init(&tenant->by_age);
}

void ferry_tenant_leave(struct ferry_pmm *pmm, struct ferry_tenant *tenant)
{
	ferry_list_remove(&tenant->by_age);
	pmm->tenants--;
}

void ferry_tenant_fini(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant)
{
	uint32_t frames, pins;

	ferry_spin_lock(ctx, &pmm->lock);
	frames = tenant->frames;
	pins = tenant->pins;
	/* Whatever the caller forgot, nothing may point at a tenant that is gone. */
	if (!ferry_list_empty(&tenant->by_age))
		ferry_tenant_leave(pmm, tenant);
	if (pins)
		pmm->pinned--;
	tenant->frames = 0;
	tenant->pins = 0;
	ferry_spin_unlock(ctx, &pmm->lock);
	FERRY_ASSERT(frames == 0);
	FERRY_ASSERT(pins == 0);
}

void ferry_tenant_enter(struct ferry_pmm *pmm, struct ferry_tenant *tenant)
{
	ferry_list_push_back(&pmm->by_age, &tenant->by_age);
	pmm->tenants++;
}

void ferry_tenant_touch(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant)
{
	ferry_spin_lock(ctx, &pmm->lock);
	if (!ferry_list_empty(&tenant->by_age) && tenant->by_age.next != &pmm->by_age) {
		ferry_list_remove(&tenant->by_age);
		ferry_list_push_back(&pmm->by_age, &tenant->by_age);
	}
	ferry_spin_unlock(ctx, &pmm->lock);
}

static void pin(struct ferry_pmm *pmm, struct ferry_tenant *tenant) FERRY_NEEDS(&pmm->lock)
{
	if (tenant->pins++ == 0)
		pmm->pinned++;
}

void ferry_tenant_pin(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant)
{
	ferry_spin_lock(ctx, &pmm->lock);
	pin(pmm, tenant);
	ferry_spin_unlock(ctx, &pmm->lock);
}

bool ferry_tenant_unpin(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant)
{
	bool had;

	ferry_spin_lock(ctx, &pmm->lock);
	had = tenant->pins != 0;
	if (had && --tenant->pins == 0)
		pmm->pinned--;
	ferry_spin_unlock(ctx, &pmm->lock);
	return FERRY_ASSERT(had);
}

struct ferry_tenant *ferry_pmm_victim(struct ferry_ctx *ctx, struct ferry_pmm *pmm,
                                      bool (*hold)(struct ferry_tenant *tenant))
{
	struct ferry_tenant *victim = NULL;
	struct ferry_list *pos;

	ferry_spin_lock(ctx, &pmm->lock);
	/* Passes only those that are pinned, in service or leaving: as many as there are contexts at work. */
	FERRY_LIST_EACH(pos, &pmm->by_age) {
		struct ferry_tenant *tenant = tenant_of(pos);

		if (tenant->pins || (hold && !hold(tenant)))
			continue;
		pin(pmm, tenant);
		victim = tenant;
		break;
	}
	ferry_spin_unlock(ctx, &pmm->lock);
	return victim;
}

bool ferry_tenant_audit(const struct ferry_pmm *pmm, uint64_t frames_taken)
{
	const struct ferry_list *pos;
	uint64_t frames = 0, tenants = 0, pinned = 0;

	FERRY_LIST_EACH(pos, &pmm->by_age) {
		const struct ferry_tenant *tenant = tenant_of((struct ferry_list *)(uintptr_t)pos);

		if (!tenant->frames || pos->next->prev != pos || ++tenants > pmm->tenants)
			return false;
		frames += tenant->frames;
		pinned += tenant->pins != 0;
	}
	return frames == frames_taken && tenants == pmm->tenants && pinned <= pmm->pinned;
}
