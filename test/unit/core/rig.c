/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

enum rig_op { RIG_COPY = 1, RIG_FILL, RIG_FENCE, RIG_INVALIDATE, RIG_REPLAY, RIG_CANCEL, RIG_LAUNCH };

struct rig_cmd {
	uint64_t op, dst_ap, dst, src_ap, src, bytes, value, irq;
};
_Static_assert(sizeof(struct rig_cmd) == FERRY_HAL_CMD_BYTES, "a command is one slot");

#define RIG_PTE_VALID 1ull
#define RIG_PTE_WRITE 2ull
#define RIG_PTE_DEVICE 4ull
#define RIG_PTE_LEAF 8ull
#define RIG_PTE_ADDR 0x000ffffffffff000ull

struct rig_hd {
	struct rig_device *dev;
};

static struct rig_device *hd_dev(void *hd)
{
	return ((struct rig_hd *)hd)->dev;
}

/* ---- HAL ------------------------------------------------------------------------------------------------- */

static uint32_t rig_caps;

static int hal_init(void *hd, const struct ferry_dev_ops *ops, void *dev, struct ferry_hal_info *info)
{
	struct rig_device *d = dev;

	(void)ops;
	((struct rig_hd *)hd)->dev = d;
	*info = (struct ferry_hal_info){.vram_bytes = d->vram_bytes,
	                                .caps = rig_caps,
	                                .sms = 1,
	                                .channels = RIG_CHANNELS,
	                                .asids = 64,
	                                .programs = 8,
	                                .block_threads_max = 1024,
	                                .grid_blocks_max = 1u << 31,
	                                .args_max = 16,
	                                .program_insns_max = 4096};
	return 0;
}

static void hal_fini(void *hd)
{
	(void)hd;
}

static uint32_t hal_irq_decode(void *hd, uint32_t vector)
{
	(void)hd;
	return 1u << vector;
}

static bool hal_is_gone(void *hd)
{
	return hd_dev(hd)->gone;
}

static int hal_health(void *hd)
{
	return hd_dev(hd)->channel_error ? FERRY_E_CHANNEL_ERROR : 0;
}

static int hal_fault_buffer(void *hd, uint64_t bus, void *cpu, uint32_t entries)
{
	(void)hd, (void)bus, (void)cpu, (void)entries;
	return 0;
}

static int hal_channel_create(void *hd, uint32_t id, enum ferry_channel_kind kind, uint64_t ring_bus,
                              uint32_t entries, uint64_t status_bus, uint32_t asid)
{
	struct rig_channel *ch = &hd_dev(hd)->channels[id];

	(void)kind, (void)asid;
	*ch = (struct rig_channel){.ring = (void *)(uintptr_t)ring_bus,
	                           .status = (void *)(uintptr_t)status_bus,
	                           .entries = entries,
	                           .used = true};
	return 0;
}

static int hal_channel_destroy(void *hd, uint32_t id)
{
	hd_dev(hd)->channels[id].used = false;
	return 0;
}

static int hal_asid_bind(void *hd, uint32_t asid, uint64_t root_bus)
{
	__atomic_store_n(&hd_dev(hd)->roots[asid], root_bus, __ATOMIC_RELEASE);
	return 0;
}

static int hal_asid_unbind(void *hd, uint32_t asid)
{
	/* The watchdog unbinds a lost device while a test may still look. */
	__atomic_store_n(&hd_dev(hd)->roots[asid], 0, __ATOMIC_RELEASE);
	return 0;
}

static int hal_program_load(void *hd, uint32_t slot, uint64_t bus, uint32_t insn_count, uint32_t arg_count,
                            uint32_t *at)
{
	(void)hd, (void)slot, (void)bus, (void)insn_count, (void)arg_count;
	*at = 0;
	return 0;
}

static int hal_program_unload(void *hd, uint32_t slot)
{
	(void)hd, (void)slot;
	return 0;
}

static uint8_t *cmd_memory(struct rig_device *d, uint64_t ap, uint64_t address, uint64_t bytes)
{
	if (ap == FERRY_APERTURE_HOST)
		return (void *)(uintptr_t)address;
	assert_true(address + bytes <= d->vram_bytes);
	return d->vram + address;
}

/* Forget the window's pages in [va, va + bytes); all of them when bytes is 0. */
static void tlb_drop(struct rig_device *d, uint64_t va, uint64_t bytes)
{
	for (uint32_t i = 0; i < RIG_WINDOW_PAGES; i++) {
		uint64_t page = rig_va(i);

		if (!bytes || (page >= va && page - va < bytes))
			d->tlb[i].memory = NULL;
	}
}

/* true: the channel stops here. */
static bool cmd_run(struct rig_device *d, const struct rig_cmd *c)
{
	switch (c->op) {
	case RIG_COPY:
		if (d->copy_fails && !d->copies_ok--) {
			d->channel_error = true;
			return true;
		}
		d->copies++;
		if (!d->dry)
			memcpy(cmd_memory(d, c->dst_ap, c->dst, c->bytes), cmd_memory(d, c->src_ap, c->src, c->bytes),
			       c->bytes);
		break;
	case RIG_FILL:
		d->fills++;
		if (!d->dry)
			memset(cmd_memory(d, c->dst_ap, c->dst, c->bytes), 0, c->bytes);
		break;
	case RIG_FENCE:
		ferry_os_dma_store64((void *)(uintptr_t)c->dst, c->value);
		if (c->irq && d->irq)
			d->irq(d->irq_arg, 1);
		break;
	case RIG_INVALIDATE:
		d->invalidates++;
		tlb_drop(d, c->dst, c->bytes);
		d->table_at_invalidate = rig_table(d->rig, d->id, c->dst);
		break;
	case RIG_REPLAY:
		d->replays++;
		break;
	case RIG_CANCEL:
		d->cancels++;
		d->last_reason = (uint32_t)c->value;
		break;
	default:
		break;
	}
	return false;
}

static void hal_doorbell(void *hd, uint32_t channel, uint64_t put)
{
	struct rig_device *d = hd_dev(hd);
	struct rig_channel *ch = &d->channels[channel];

	(void)__atomic_fetch_add(&d->doorbells, 1, __ATOMIC_RELAXED); /* the watchdog rings too */
	if (d->stopped == channel + 1)
		return;
	while (!d->gone && !d->stuck && !d->channel_error && ch->done < put) {
		const struct rig_cmd *c = (const void *)(ch->ring + (ch->done % ch->entries) * sizeof(*c));

		if (cmd_run(d, c))
			return;
		ch->done++;
		ferry_os_dma_store64(ch->status, ch->done);
	}
}

static uint64_t hal_channel_get(void *hd, const void *status)
{
	(void)hd;
	return ferry_os_dma_load64(status);
}

static uint32_t hal_channel_error(void *hd, const void *status)
{
	const struct rig_device *d = hd_dev(hd);

	return d->channel_error || (d->stopped && d->channels[d->stopped - 1].status == status);
}

static void put_cmd(void *slot, struct rig_cmd c)
{
	memcpy(slot, &c, sizeof(c));
}

static void hal_cmd_copy(void *slot, enum ferry_aperture dst_ap, uint64_t dst, enum ferry_aperture src_ap,
                         uint64_t src, uint64_t bytes)
{
	put_cmd(slot, (struct rig_cmd){RIG_COPY, dst_ap, dst, src_ap, src, bytes, 0, 0});
}

static void hal_cmd_fill(void *slot, enum ferry_aperture ap, uint64_t dst, uint64_t pattern, uint64_t bytes)
{
	put_cmd(slot, (struct rig_cmd){RIG_FILL, ap, dst, 0, 0, bytes, pattern, 0});
}

static void hal_cmd_fence(void *slot, uint64_t bus, uint64_t value, bool irq)
{
	put_cmd(slot, (struct rig_cmd){RIG_FENCE, 0, bus, 0, 0, 0, value, irq});
}

static void hal_cmd_invalidate(void *slot, uint32_t asid, uint64_t va, uint64_t bytes)
{
	put_cmd(slot, (struct rig_cmd){RIG_INVALIDATE, asid, va, 0, 0, bytes, 0, 0});
}

static void hal_cmd_replay(void *slot)
{
	put_cmd(slot, (struct rig_cmd){.op = RIG_REPLAY});
}

static void hal_cmd_cancel(void *slot, const struct ferry_fault *fault, uint32_t reason)
{
	put_cmd(slot, (struct rig_cmd){.op = RIG_CANCEL, .dst = fault->id, .value = reason});
}

static void hal_cmd_launch(void *slot, const struct ferry_launch_desc *desc)
{
	(void)desc;
	put_cmd(slot, (struct rig_cmd){.op = RIG_LAUNCH});
}

static bool hal_launch_result(const void *record, struct ferry_launch_result *out)
{
	(void)record;
	*out = (struct ferry_launch_result){0};
	return true;
}

static uint32_t hal_fault_fetch(void *hd, struct ferry_fault *out, uint32_t max, uint64_t *dropped)
{
	struct rig_device *d = hd_dev(hd);
	uint32_t n = d->fault_count < max ? d->fault_count : max;

	memcpy(out, d->faults, n * sizeof(*out));
	memmove(d->faults, d->faults + n, (d->fault_count - n) * sizeof(*out));
	d->fault_count -= n;
	*dropped = 0;
	return n;
}

static bool hal_fault_pending(void *hd)
{
	return hd_dev(hd)->fault_count != 0;
}

static void hal_fault_arm(void *hd)
{
	hd_dev(hd)->armed = true;
}

static uint64_t hal_pte(enum ferry_aperture ap, uint64_t address, enum ferry_access allow, uint32_t page_shift)
{
	(void)page_shift;
	return address | RIG_PTE_VALID | RIG_PTE_LEAF | (ap == FERRY_APERTURE_DEVICE ? RIG_PTE_DEVICE : 0) |
	       (allow != FERRY_ACCESS_READ ? RIG_PTE_WRITE : 0);
}

static uint64_t hal_pde(uint64_t table_bus)
{
	return table_bus | RIG_PTE_VALID;
}

static const struct ferry_hal rig_hal = {
	.name = "rig",
	.dev_bytes = sizeof(struct rig_hd),
	.init = hal_init,
	.fini = hal_fini,
	.irq_decode = hal_irq_decode,
	.is_gone = hal_is_gone,
	.health = hal_health,
	.fault_buffer = hal_fault_buffer,
	.channel_create = hal_channel_create,
	.channel_destroy = hal_channel_destroy,
	.asid_bind = hal_asid_bind,
	.asid_unbind = hal_asid_unbind,
	.program_load = hal_program_load,
	.program_unload = hal_program_unload,
	.doorbell = hal_doorbell,
	.channel_get = hal_channel_get,
	.channel_error = hal_channel_error,
	.cmd_copy = hal_cmd_copy,
	.cmd_fill = hal_cmd_fill,
	.cmd_fence = hal_cmd_fence,
	.cmd_tlb_invalidate = hal_cmd_invalidate,
	.cmd_replay = hal_cmd_replay,
	.cmd_cancel = hal_cmd_cancel,
	.cmd_launch = hal_cmd_launch,
	.launch_result = hal_launch_result,
	.fault_fetch = hal_fault_fetch,
	.fault_pending = hal_fault_pending,
	.fault_arm = hal_fault_arm,
	.pte = hal_pte,
	.pde = hal_pde,
};

/* ---- bus ------------------------------------------------------------------------------------------------- */

static int bus_dma_alloc(void *dev, size_t bytes, struct ferry_dma *out)
{
	void *p;

	(void)dev;
	bytes = ferry_align_up(bytes, FERRY_PAGE_SIZE);
	/* ferry_os_zalloc makes it take part in failure injection; page alignment is made by hand. */
	p = ferry_os_zalloc(bytes + FERRY_PAGE_SIZE, 0);
	if (!p)
		return FERRY_E_NOMEM;
	out->priv = p;
	out->cpu = (void *)(uintptr_t)ferry_align_up((uintptr_t)p, FERRY_PAGE_SIZE);
	out->bus = (uintptr_t)out->cpu;
	out->size_bytes = bytes;
	return 0;
}

static void bus_dma_free(void *dev, struct ferry_dma *dma)
{
	(void)dev;
	ferry_os_free(dma->priv);
}

static int bus_irq_enable(void *dev, ferry_irq_fn fn, void *arg)
{
	struct rig_device *d = dev;

	d->irq = fn;
	d->irq_arg = arg;
	return 0;
}

static void bus_irq_disable(void *dev)
{
	((struct rig_device *)dev)->irq = NULL;
}

static bool bus_is_gone(void *dev)
{
	return ((struct rig_device *)dev)->gone;
}

static const struct ferry_dev_ops rig_bus = {
	.dma_alloc = bus_dma_alloc,
	.dma_free = bus_dma_free,
	.irq_enable = bus_irq_enable,
	.irq_disable = bus_irq_disable,
	.is_gone = bus_is_gone,
};

/* ---- host -------------------------------------------------------------------------------------------------- */

/* For fuzzing, where ranges may lie anywhere: fold them into the window. */
static bool fold;

void rig_fold(bool on)
{
	fold = on;
}

bool rig_folded(void)
{
	return fold;
}

uint32_t rig_page(uint64_t va)
{
	if (fold)
		return (uint32_t)(va >> FERRY_PAGE_SHIFT) % RIG_WINDOW_PAGES;
	assert_true(va >= RIG_BASE && va < RIG_BASE + RIG_WINDOW_PAGES * FERRY_PAGE_SIZE);
	return (uint32_t)((va - RIG_BASE) >> FERRY_PAGE_SHIFT);
}

static int mm_get(void *mm)
{
	return ((struct rig *)mm)->dying ? FERRY_E_VA_SPACE_DEAD : 0;
}

static void mm_put(void *mm)
{
	(void)mm;
}

static int mm_zap(void *mm, uint64_t va, uint32_t n)
{
	struct rig *rig = mm;

	if (rig->zap_fails)
		return FERRY_E_CPU_ZAP;
	rig->zaps++;
	for (uint32_t i = rig_page(va); n--; i++)
		rig->cpu_mapped[i] = rig->cpu_writable[i] = false;
	return 0;
}

static int mm_protect(void *mm, uint64_t va, uint32_t n)
{
	struct rig *rig = mm;

	for (uint32_t i = rig_page(va); n--; i++)
		rig->cpu_writable[i] = false;
	return 0;
}

/* An idle page comes back. */
static void swap_in(struct rig *rig, uint32_t page)
{
	if (rig->idle[page])
		memcpy(rig->host + (uint64_t)page * FERRY_PAGE_SIZE, rig->swap + (uint64_t)page * FERRY_PAGE_SIZE,
		       FERRY_PAGE_SIZE);
	rig->idle[page] = false;
}

static int mm_insert(void *mm, uint64_t va, uint32_t n, bool write)
{
	struct rig *rig = mm;

	if (rig->insert_busy)
		return FERRY_E_BUSY;
	rig->inserts++;
	for (uint32_t i = rig_page(va); n--; i++) {
		if (rig->insert_fails_at == i + 1)
			return FERRY_E_CPU_INSERT;
		swap_in(rig, i);
		assert_true(fold || rig->populated[i]);
		if (!write && rig->slipped)
			memcpy(rig->host + (uint64_t)i * FERRY_PAGE_SIZE, &rig->slipped, sizeof(rig->slipped));
		rig->cpu_mapped[i] = true;
		rig->cpu_writable[i] = write;
	}
	return 0;
}

static int mm_poison(void *mm, uint64_t va, uint32_t n)
{
	struct rig *rig = mm;

	for (uint32_t i = rig_page(va); n--; i++)
		rig->poisoned[i] = true;
	return 0;
}

static int mm_populate(void *mm, uint64_t va, uint32_t n)
{
	struct rig *rig = mm;

	if (rig->host_pages + n > rig->host_pages_max)
		return FERRY_E_HOST_FULL;
	for (uint32_t i = rig_page(va); n--; i++) {
		if (!rig->populated[i])
			memset(rig->host + (uint64_t)i * FERRY_PAGE_SIZE, 0, FERRY_PAGE_SIZE);
		rig->host_pages += !rig->populated[i];
		rig->populated[i] = true;
	}
	return 0;
}

static int mm_bus(void *mm, void *dev, uint64_t va, uint32_t n, uint64_t *bus, uint32_t *run)
{
	struct rig *rig = mm;
	uint32_t page = rig_page(va);

	(void)dev;
	if (rig->bus_fails)
		return FERRY_E_HOST_MAP;
	for (uint32_t i = 0; i < n; i++) {
		assert_true(fold || rig->populated[page + i]);
		swap_in(rig, page + i);
	}
	*bus = (uintptr_t)(rig->host + (uint64_t)page * FERRY_PAGE_SIZE);
	*run = n;
	return 0;
}

static void *mm_ptr(void *mm, uint64_t va)
{
	swap_in(mm, rig_page(va));
	return ((struct rig *)mm)->host + (uint64_t)rig_page(va) * FERRY_PAGE_SIZE;
}

static void mm_discard(void *mm, uint64_t va, uint32_t n)
{
	struct rig *rig = mm;

	rig->discards++;
	for (uint32_t i = rig_page(va); n--; i++) {
		rig->host_pages -= rig->populated[i];
		rig->populated[i] = rig->idle[i] = false;
		memset(rig->host + (uint64_t)i * FERRY_PAGE_SIZE, 0, FERRY_PAGE_SIZE);
	}
}

static void mm_pinned(void *mm, uint64_t va, uint32_t n, uint64_t *words)
{
	struct rig *rig = mm;
	uint32_t page = rig_page(va);

	for (uint32_t i = 0; i < n; i++) {
		assert_true(fold || (rig->populated[page + i] && !rig->cpu_writable[page + i]));
		if (rig->pinned[page + i])
			words[i / 64] |= 1ull << (i % 64);
	}
}

static uint32_t mm_idle(void *mm, uint64_t va, uint32_t n)
{
	struct rig *rig = mm;
	uint32_t given = 0;

	for (uint32_t i = rig_page(va); n--; i++) {
		uint8_t *page = rig->host + (uint64_t)i * FERRY_PAGE_SIZE;

		assert_true(fold || (rig->populated[i] && !rig->cpu_mapped[i]));
		if (rig->idle[i])
			continue;
		memcpy(rig->swap + (uint64_t)i * FERRY_PAGE_SIZE, page, FERRY_PAGE_SIZE);
		memset(page, 0xee, FERRY_PAGE_SIZE);
		rig->idle[i] = true;
		given++;
	}
	return given;
}

static const struct ferry_mm_ops rig_mm = {
	.get = mm_get,
	.put = mm_put,
	.cpu_zap = mm_zap,
	.cpu_protect = mm_protect,
	.cpu_insert = mm_insert,
	.cpu_poison = mm_poison,
	.host_populate = mm_populate,
	.host_bus = mm_bus,
	.host_ptr = mm_ptr,
	.host_pinned = mm_pinned,
	.host_idle = mm_idle,
	.external_map = rig_external_map,
	.external_unmap = rig_external_unmap,
	.external_bus = rig_external_bus,
	.host_discard = mm_discard,
};

/* ---- the rig ------------------------------------------------------------------------------------------------ */

const struct ferry_hal *rig_hal_table(void)
{
	return &rig_hal;
}

const struct ferry_dev_ops *rig_bus_table(void)
{
	return &rig_bus;
}

static uint32_t batch_max;

void rig_batch(uint32_t max)
{
	batch_max = max;
}

void rig_up(struct rig *rig, uint32_t devices, uint64_t vram_bytes, uint32_t caps)
{
	struct ferry_core_params params = {.fence_timeout_ns = 20000000, .batch_max = batch_max};

	memset(rig, 0, sizeof(*rig));
	rig_caps = caps;
	rig->devices = devices;
	rig->host_pages_max = UINT32_MAX / 2;
	rig->host = aligned_alloc(FERRY_PAGE_SIZE, RIG_WINDOW_PAGES * FERRY_PAGE_SIZE);
	assert_non_null(rig->host);
	rig->swap = malloc(RIG_WINDOW_PAGES * FERRY_PAGE_SIZE);
	assert_non_null(rig->swap);
	assert_int_equal(ferry_core_create(&params, &rig->core), 0);
	for (uint32_t d = 0; d < devices; d++) {
		struct rig_device *dev = &rig->dev[d];
		uint32_t id;

		dev->rig = rig;
		dev->id = d;
		dev->vram_bytes = vram_bytes;
		dev->vram = malloc(vram_bytes);
		assert_non_null(dev->vram);
		memset(dev->vram, 0xa5, vram_bytes); /* what the core does not write is not zero */
		assert_int_equal(ferry_core_add_device(rig->core, &rig_hal, &rig_bus, dev, &id), 0);
		assert_int_equal(id, d);
	}
	assert_int_equal(ferry_core_open(rig->core, &rig_mm, rig, 1u << FERRY_CAPABILITY_READ_MOSTLY, &rig->vs), 0);
}

void rig_reopen(struct rig *rig)
{
	ferry_core_close(rig->core, rig->vs);
	memset(rig->populated, 0, sizeof(rig->populated));
	memset(rig->cpu_mapped, 0, sizeof(rig->cpu_mapped));
	memset(rig->cpu_writable, 0, sizeof(rig->cpu_writable));
	rig->host_pages = 0;
	rig->host_pages_max = UINT32_MAX / 2;
	rig->zap_fails = rig->insert_busy = rig->dying = false;
	for (uint32_t d = 0; d < rig->devices; d++)
		rig->dev[d].fault_count = 0;
	assert_int_equal(ferry_core_open(rig->core, &rig_mm, rig, 1u << FERRY_CAPABILITY_READ_MOSTLY, &rig->vs), 0);
}

void rig_down(struct rig *rig)
{
	ferry_core_close(rig->core, rig->vs);
	ferry_core_destroy(rig->core);
	for (uint32_t d = 0; d < rig->devices; d++)
		free(rig->dev[d].vram);
	free(rig->host);
	free(rig->swap);
}

uint64_t rig_va(uint32_t page)
{
	return RIG_BASE + (uint64_t)page * FERRY_PAGE_SIZE;
}

int rig_request(struct rig *rig, uint32_t request, void *buf, size_t bytes)
{
	return ferry_core_request(rig->core, rig->vs, request, buf, bytes);
}

int rig_range(struct rig *rig, uint32_t first, uint32_t pages)
{
	struct ferry_req_range req = {.size = sizeof(req), .base = rig_va(first), .bytes = pages * FERRY_PAGE_SIZE};

	return rig_request(rig, FERRY_REQ_RANGE_CREATE, &req, sizeof(req));
}

void rig_join(struct rig *rig, uint32_t d)
{
	struct ferry_va_gpu *vg;
	struct ferry_ctx ctx;

	ferry_ctx_init(&ctx);
	assert_int_equal(ferry_va_space_join(&ctx, rig->vs, d, &vg), 0);
	ferry_ctx_fini(&ctx);
}

int rig_cpu_access(struct rig *rig, uint32_t page, bool write, uint64_t *value)
{
	uint64_t *word = (void *)(rig->host + (uint64_t)page * FERRY_PAGE_SIZE);

	for (uint32_t tries = 0; tries < 100; tries++) {
		int err;

		if (write ? rig->cpu_writable[page] : rig->cpu_mapped[page]) {
			if (write)
				*word = *value;
			else
				*value = *word;
			return 0;
		}
		err = ferry_core_cpu_fault(rig->core, rig->vs, rig_va(page), write);
		if (err)
			return err;
	}
	return FERRY_E_TIMEOUT;
}

bool rig_walk(struct rig *rig, uint32_t d, uint64_t va, bool write, uint8_t **memory)
{
	struct rig_device *dev = &rig->dev[d];
	uint64_t entry = __atomic_load_n(&dev->roots[0], __ATOMIC_ACQUIRE), base_mask = FERRY_PAGE_SIZE - 1;

	if (!entry)
		return false;
	for (uint32_t shift = 39; shift >= FERRY_PAGE_SHIFT; shift -= 9) {
		const uint64_t *table = (const void *)(uintptr_t)(entry & RIG_PTE_ADDR);

		entry = ferry_os_dma_load64(&table[(va >> shift) & 511]);
		if (!(entry & RIG_PTE_VALID))
			return false;
		if (entry & RIG_PTE_LEAF) {
			base_mask = (1ull << shift) - 1;
			break;
		}
	}
	if (write && !(entry & RIG_PTE_WRITE))
		return false;
	entry = (entry & ~base_mask & RIG_PTE_ADDR) | (va & base_mask) | (entry & RIG_PTE_DEVICE);
	if (entry & RIG_PTE_DEVICE) {
		entry &= ~RIG_PTE_DEVICE;
		assert_true(entry < dev->vram_bytes);
		*memory = dev->vram + entry;
	} else {
		*memory = (void *)(uintptr_t)entry;
	}
	return true;
}

bool rig_table(struct rig *rig, uint32_t d, uint64_t va)
{
	uint64_t entry = __atomic_load_n(&rig->dev[d].roots[0], __ATOMIC_ACQUIRE);

	if (!entry)
		return false;
	for (uint32_t shift = 39; shift > FERRY_PAGE_SHIFT; shift -= 9) {
		const uint64_t *table = (const void *)(uintptr_t)(entry & RIG_PTE_ADDR);

		entry = ferry_os_dma_load64(&table[(va >> shift) & 511]);
		if (!(entry & RIG_PTE_VALID) || (entry & RIG_PTE_LEAF))
			return false;
	}
	return true;
}

void rig_fault_push(struct rig *rig, uint32_t d, uint64_t va, enum ferry_access access)
{
	struct rig_device *dev = &rig->dev[d];

	assert_true(dev->fault_count < RIG_FAULTS);
	dev->faults[dev->fault_count++] = (struct ferry_fault){
		.va = ferry_align_down(va, FERRY_PAGE_SIZE), .id = ++dev->next_fault_id, .access = (uint8_t)access};
}

/* An interrupt, and then the bottom half on this thread. */
void rig_faults_deliver(struct rig *rig, uint32_t d)
{
	struct ferry_device *gpu = rig->core->devices[d];

	rig->dev[d].irq(rig->dev[d].irq_arg, 0);
	ferry_os_work_flush(&gpu->bottom_half);
}

/* As a device does: a held entry that allows the access is used, whatever the tables say by now. */
static bool tlb_translate(struct rig *rig, uint32_t d, uint32_t page, bool write, uint8_t **memory)
{
	struct rig_tlb *entry = &rig->dev[d].tlb[page];

	if (!entry->memory || (write && !entry->write)) {
		if (!rig_walk(rig, d, rig_va(page), write, memory))
			return false;
		entry->memory = *memory;
		entry->write = write;
	}
	*memory = entry->memory;
	return true;
}

int rig_gpu_access(struct rig *rig, uint32_t d, uint32_t page, bool write, uint64_t *value)
{
	struct rig_device *dev = &rig->dev[d];

	for (uint32_t tries = 0; tries < 100; tries++) {
		uint64_t cancels = dev->cancels;
		uint8_t *memory;

		if (tlb_translate(rig, d, page, write, &memory)) {
			if (write)
				memcpy(memory, value, 8);
			else
				memcpy(value, memory, 8);
			return 0;
		}
		if (ferry_device_lost(rig->core->devices[d]))
			return FERRY_E_DEVICE_LOST;
		rig_fault_push(rig, d, rig_va(page), write ? FERRY_ACCESS_WRITE : FERRY_ACCESS_READ);
		rig_faults_deliver(rig, d);
		if (dev->cancels != cancels)
			return (int)dev->last_reason;
	}
	return FERRY_E_TIMEOUT;
}
