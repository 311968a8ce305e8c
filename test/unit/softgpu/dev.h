/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * dev.h - a software GPU that is set up: status page, fault buffer, one address space, a COPY and a COMPUTE channel.
 * For the tests of the model; include it in one file of a program.
 *
 *   struct dev d;
 *   dev_start(&d, NULL);        or with struct rig_options
 *   RIG_DO(&d.copy, FG1_OP_NOP);
 *   dev_stop(&d);
 */
#ifndef FERRY_TEST_DEV_H
#define FERRY_TEST_DEV_H

#include "test/unit/cmocka_compat.h"

#include "rig.h"

#define DEV_ASID 3u
#define DEV_FAULTS 64u
#define DEV_VA 0x7f0000000000ull /* where tests map things */

struct dev {
	struct rig rig;
	struct rig_channel copy, compute;
	uint64_t *root;
	uint64_t *faults; /* ring of DEV_FAULTS entries */
	uint64_t taken;   /* entries read by dev_fault() */
};

static RIG_UNUSED void dev_setup(struct dev *d)
{
	struct rig *rig = &d->rig;

	assert_true(rig_init(rig));
	d->taken = 0;
	d->faults = rig_alloc(rig, DEV_FAULTS * FG1_FAULT_BYTES);
	d->root = rig_alloc(rig, FERRY_PAGE_SIZE);
	assert_int_equal(RIG_CONTROL(rig, FG1_CMD_FAULT_BUFFER, rig_bus(rig, d->faults), DEV_FAULTS), FG1_OK);
	assert_int_equal(RIG_CONTROL(rig, FG1_CMD_ASID_BIND, DEV_ASID, rig_bus(rig, d->root)), FG1_OK);
	assert_int_equal(rig_open(rig, &d->copy, 0, FG1_CHANNEL_COPY, DEV_ASID), FG1_OK);
	assert_int_equal(rig_open(rig, &d->compute, 1, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
}

static RIG_UNUSED void dev_start(struct dev *d, const struct rig_options *o)
{
	memset(d, 0, sizeof(*d));
	assert_true(rig_start(&d->rig, o));
	dev_setup(d);
}

static RIG_UNUSED void dev_stop(struct dev *d)
{
	rig_stop(&d->rig);
}

/* The next entry of the fault buffer, or NULL; give it back with dev_faults_done(). */
static RIG_UNUSED const uint64_t *dev_fault(struct dev *d)
{
	const uint64_t *w = d->faults + (d->taken % DEV_FAULTS) * (FG1_FAULT_BYTES / 8);

	if (ferry_os_dma_load64(&w[FG1_FAULT_W_VALID]) != d->taken / DEV_FAULTS + 1)
		return NULL;
	d->taken++;
	return w;
}

static RIG_UNUSED void dev_faults_done(struct dev *d)
{
	fg1_reg_write(d->rig.gpu, FG1_REG_FAULT_GET, d->taken);
}

static RIG_UNUSED uint64_t dev_bus(struct dev *d, const void *p)
{
	return rig_bus(&d->rig, p);
}

/* A host page with every word equal to v. */
static RIG_UNUSED uint64_t *dev_page(struct dev *d, uint64_t v)
{
	uint64_t *p = rig_alloc(&d->rig, FERRY_PAGE_SIZE);

	assert_non_null(p);
	for (uint32_t i = 0; i < FERRY_PAGE_SIZE / 8; i++)
		p[i] = v;
	return p;
}

/* ---- launches ---- */

#define DEV_COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

static RIG_UNUSED uint32_t dev_load(struct dev *d, uint32_t slot, const uint64_t *insns, uint32_t count,
                                    uint32_t args)
{
	void *p = rig_alloc(&d->rig, count * 8);
	uint32_t result;

	memcpy(p, insns, count * 8);
	result = RIG_CONTROL(&d->rig, FG1_CMD_PROGRAM_LOAD, slot, dev_bus(d, p), count, args);
	rig_free(&d->rig, p, count * 8);
	return result;
}

struct dev_launch {
	uint32_t slot, blocks, threads, arg_count;
	uint64_t budget;
	uint64_t *args, *record;
};

/* One dimension. args and record are pages of the arena. */
static RIG_UNUSED void dev_launch_on(struct dev *d, struct rig_channel *ch, struct dev_launch *l,
                                     const uint64_t *args)
{
	if (!l->record) {
		l->record = rig_alloc(&d->rig, FERRY_PAGE_SIZE);
		l->args = l->record + 64;
	}
	memset(l->record, 0xee, FG1_RESULT_BYTES);
	ferry_os_dma_store64(l->record, FG1_LAUNCH_RUNNING); /* until the device has begun it */
	if (l->arg_count)
		memcpy(l->args, args, l->arg_count * 8);
	RIG_DO(ch, FG1_OP_LAUNCH, l->slot | (uint64_t)l->arg_count << 32, l->blocks | 1ull << 32,
	       1 | (uint64_t)l->threads << 32, 1 | 1ull << 32, dev_bus(d, l->args), dev_bus(d, l->record), l->budget);
}

static RIG_UNUSED void dev_launch(struct dev *d, struct dev_launch *l, const uint64_t *args)
{
	dev_launch_on(d, &d->compute, l, args);
}

static RIG_UNUSED uint64_t dev_status(const struct dev_launch *l)
{
	return rig_word(l->record, FG1_RESULT_STATUS);
}

#endif /* FERRY_TEST_DEV_H */
