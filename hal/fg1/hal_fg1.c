/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* hal_fg1.c - life of a device, control commands, faults. Encoders are in hal_fg1_encode.c. */
#include "hal_fg1_impl.h"

/* ---- talking to the device ---- */

static uint64_t reg_read(const struct hal_fg1 *h, uint32_t offset)
{
	return h->ops->reg_read(h->dev, offset);
}

static void reg_write(const struct hal_fg1 *h, uint32_t offset, uint64_t value)
{
	h->ops->reg_write(h->dev, offset, value);
}

static uint64_t status_word(const struct hal_fg1 *h, uint32_t offset)
{
	return ferry_os_dma_load64((const uint8_t *)h->status.cpu + offset);
}

static bool hal_is_gone(void *hd)
{
	struct hal_fg1 *h = hd;

	return h->ops->is_gone(h->dev) || reg_read(h, FG1_REG_ID) != FG1_ID;
}

static uint64_t limit_ns(const struct hal_fg1 *h)
{
	return h->control_ns ? h->control_ns : HAL_FG1_CONTROL_NS;
}

/*
 * Run a command and wait for its answer: *result. 0, FERRY_E_DEVICE_LOST, FERRY_E_DEVICE_HUNG. Looking at ID may be
 * slow, so it is done once a millisecond only.
 */
static int control(struct hal_fg1 *h, uint32_t cmd, const uint64_t *args, uint32_t count, uint32_t *result)
{
	uint64_t start_ns, look_ns, now_ns, word;
	uint32_t sequence;

	h->sequence += h->sequence == UINT32_MAX ? 2 : 1; /* 0 means that no answer is wanted */
	sequence = h->sequence;
	for (uint32_t i = 0; i < count; i++)
		reg_write(h, FG1_REG_ARG(i), args[i]);
	reg_write(h, FG1_REG_CMD, (uint64_t)sequence << 32 | cmd);
	start_ns = ferry_os_now_ns();
	look_ns = start_ns;
	for (;;) {
		word = status_word(h, FG1_STATUS_CMD);
		if ((uint32_t)(word >> 32) == sequence)
			break;
		now_ns = ferry_os_now_ns();
		if (now_ns - start_ns > limit_ns(h))
			return hal_is_gone(h) ? FERRY_E_DEVICE_LOST : FERRY_E_DEVICE_HUNG;
		if (now_ns - look_ns > HAL_FG1_LOOK_NS) {
			if (hal_is_gone(h))
				return FERRY_E_DEVICE_LOST;
			look_ns = now_ns;
		}
		ferry_os_relax();
	}
	*result = (uint32_t)word;
	return 0;
}

static int result_error(uint32_t result)
{
	switch (result) {
	case FG1_OK:
		return 0;
	case FG1_ERR_ARG:
		return FERRY_E_INVAL;
	case FG1_ERR_BUSY:
		return FERRY_E_BUSY;
	case FG1_ERR_DMA:
		return FERRY_E_HOST_MAP;
	case FG1_ERR_NO_RESOURCE:
		return FERRY_E_NOMEM;
	case FG1_ERR_UNSUPPORTED:
		return FERRY_E_UNSUPPORTED;
	default: /* UNKNOWN, NOT_INIT, POWER: it is not the device we set up */
		return FERRY_E_DEVICE_HUNG;
	}
}

static int command(struct hal_fg1 *h, uint32_t cmd, const uint64_t *args, uint32_t count)
{
	uint32_t result = 0;
	int err = control(h, cmd, args, count, &result);

	return err ? err : result_error(result);
}

/* ---- life ---- */

static void read_info(const struct hal_fg1 *h, struct ferry_hal_info *info)
{
	static const struct {
		uint64_t fg1;
		enum ferry_cap cap;
	} caps[] = {
		{FG1_CAP_REPLAY, FERRY_CAP_REPLAY},
		{FG1_CAP_CANCEL, FERRY_CAP_CANCEL},
		{FG1_CAP_ATOMICS, FERRY_CAP_ATOMICS},
		{FG1_CAP_BIG_PAGES, FERRY_CAP_BIG_PAGES},
		{FG1_CAP_HUGE_PAGES, FERRY_CAP_HUGE_PAGES},
		{FG1_CAP_VIRTUAL_COPY, FERRY_CAP_VIRTUAL_COPY},
		{FG1_CAP_FLOAT, FERRY_CAP_FLOAT},
		{FG1_CAP_HOST_MAP, FERRY_CAP_HOST_MAP},
		{FG1_CAP_SELF_REFRESH, FERRY_CAP_SELF_REFRESH},
	};
	uint64_t have = reg_read(h, FG1_REG_CAPS);
	uint64_t limits = reg_read(h, FG1_REG_LIMITS);

	memset(info, 0, sizeof(*info));
	for (uint32_t i = 0; i < FERRY_ARRAY_SIZE(caps); i++)
		info->caps |= have & caps[i].fg1 ? 1u << caps[i].cap : 0;
	info->vram_bytes = reg_read(h, FG1_REG_VRAM_BYTES);
	info->sms = FG1_LIMIT_SMS(limits);
	info->channels = FG1_LIMIT_CHANNELS(limits);
	info->asids = FG1_LIMIT_ASIDS(limits);
	info->programs = FG1_LIMIT_PROGRAMS(limits);
	info->block_threads_max = FG1_BLOCK_THREADS_MAX;
	info->grid_blocks_max = FG1_GRID_BLOCKS_MAX;
	info->args_max = FG1_ARGS_MAX;
	info->program_insns_max = FG1_PROGRAM_INSNS_MAX;
}

/* A number that a healthy device cannot give: it died while we read. */
static bool info_bad(const struct ferry_hal_info *info)
{
	return !info->vram_bytes || !ferry_is_aligned(info->vram_bytes, FERRY_BLOCK_SIZE) || !info->sms ||
	       !info->channels || !info->asids || !info->programs;
}

/*
 * Whoever drove it before us may have left it running, or asleep. There is no page of ours that RESET could be
 * answered to yet: SCRATCH becomes zero when it is done. 0, FERRY_E_DEVICE_LOST, FERRY_E_DEVICE_HUNG.
 */
static int reset(const struct hal_fg1 *h)
{
	uint64_t start_ns = ferry_os_now_ns();
	uint64_t scratch;

	reg_write(h, FG1_REG_SCRATCH, 1);
	reg_write(h, FG1_REG_CMD, FG1_CMD_RESET);
	do {
		scratch = reg_read(h, FG1_REG_SCRATCH);
		if (scratch == 0)
			return 0;
		if (scratch != 1)
			return FERRY_E_DEVICE_LOST;
		ferry_os_relax();
	} while (ferry_os_now_ns() - start_ns <= limit_ns(h));
	return FERRY_E_DEVICE_HUNG;
}

static int hal_init(void *hd, const struct ferry_dev_ops *ops, void *dev, struct ferry_hal_info *info)
{
	struct hal_fg1 *h = hd;
	struct ferry_hal_info read;
	uint64_t page;
	int err;

	h->ops = ops;
	h->dev = dev;
	if (ops->is_gone(dev))
		return FERRY_E_DEVICE_LOST;
	if (reg_read(h, FG1_REG_ID) != FG1_ID)
		return reg_read(h, FG1_REG_ID) == UINT64_MAX ? FERRY_E_DEVICE_LOST : FERRY_E_DEVICE_MAGIC;
	read_info(h, &read);
	if (info_bad(&read))
		return FERRY_E_DEVICE_LOST;
	err = reset(h);
	if (err)
		return err;
	if (ops->dma_alloc(dev, FERRY_PAGE_SIZE, &h->status))
		return FERRY_E_NOMEM;
	page = h->status.bus;
	err = command(h, FG1_CMD_INIT, &page, 1);
	if (err)
		goto free_status;
	*info = read;
	return 0;

free_status:
	reg_write(h, FG1_REG_CMD, FG1_CMD_RESET); /* it may yet wake up and write to the page */
	ops->dma_free(dev, &h->status);
	return err;
}

static void hal_fini(void *hd)
{
	struct hal_fg1 *h = hd;
	uint32_t result;

	/* When it is answered the device has forgotten every address we gave it; a dead one does no DMA. */
	control(h, FG1_CMD_RESET, NULL, 0, &result);
	h->faults = NULL;
	h->fault_entries = 0;
	h->ops->dma_free(h->dev, &h->status);
}

static uint32_t hal_irq_decode(void *hd, uint32_t vector)
{
	(void)hd;
	switch (vector) {
	case FG1_IRQ_FAULT:
		return FERRY_HAL_IRQ_FAULT;
	case FG1_IRQ_SEMAPHORE:
		return FERRY_HAL_IRQ_FENCE;
	case FG1_IRQ_ERROR:
		return FERRY_HAL_IRQ_ERROR;
	default:
		return 0;
	}
}

static int hal_health(void *hd)
{
	switch (status_word(hd, FG1_STATUS_FATAL)) {
	case 0:
		return 0;
	case FG1_FATAL_DMA:
		return FERRY_E_CHANNEL_ERROR;
	default:
		return FERRY_E_DEVICE_HUNG;
	}
}

/* ---- control commands ---- */

static int hal_fault_buffer(void *hd, uint64_t bus, void *cpu, uint32_t entries)
{
	struct hal_fg1 *h = hd;
	uint64_t args[2] = {entries ? bus : 0, entries};
	int err = command(h, FG1_CMD_FAULT_BUFFER, args, 2);

	if (err)
		return err;
	h->faults = entries ? cpu : NULL;
	h->fault_entries = entries;
	h->fault_entries_lg2 = entries ? ferry_os_ctz64(entries) : 0;
	h->faults_dropped = 0;
	ferry_os_store_release(&h->faults_taken, 0);
	return 0;
}

static int hal_channel_create(void *hd, uint32_t id, enum ferry_channel_kind kind, uint64_t ring_bus,
                              uint32_t entries, uint64_t status_bus, uint32_t asid)
{
	uint64_t args[6] = {id,         kind == FERRY_CHANNEL_COPY ? FG1_CHANNEL_COPY : FG1_CHANNEL_COMPUTE,
	                    ring_bus,   entries,
	                    status_bus, asid};
	uint32_t result = 0;
	int err = control(hd, FG1_CMD_CHANNEL_CREATE, args, 6, &result);

	return err ? err : result ? FERRY_E_CHANNEL_CREATE : 0;
}

static int hal_channel_destroy(void *hd, uint32_t id)
{
	uint64_t arg = id;

	return command(hd, FG1_CMD_CHANNEL_DESTROY, &arg, 1);
}

static int hal_asid_bind(void *hd, uint32_t asid, uint64_t root_bus)
{
	uint64_t args[2] = {asid, root_bus};

	return command(hd, FG1_CMD_ASID_BIND, args, 2);
}

static int hal_asid_unbind(void *hd, uint32_t asid)
{
	uint64_t arg = asid;

	return command(hd, FG1_CMD_ASID_UNBIND, &arg, 1);
}

static int program_error(uint32_t result)
{
	static const uint8_t errors[] = {
		[FG1_PROGRAM_SIZE] = FERRY_E_PROGRAM_SIZE,
		[FG1_PROGRAM_OPCODE] = FERRY_E_PROGRAM_OPCODE,
		[FG1_PROGRAM_REGISTER] = FERRY_E_PROGRAM_REGISTER,
		[FG1_PROGRAM_BRANCH] = FERRY_E_PROGRAM_BRANCH,
		[FG1_PROGRAM_FALLTHROUGH] = FERRY_E_PROGRAM_FALLTHROUGH,
		[FG1_PROGRAM_HELPER] = FERRY_E_PROGRAM_HELPER,
		[FG1_PROGRAM_CALL] = FERRY_E_PROGRAM_RELOC,
		[FG1_PROGRAM_RELOC] = FERRY_E_PROGRAM_RELOC,
		[FG1_PROGRAM_ARGS] = FERRY_E_PROGRAM_ARGS,
	};
	uint32_t why = (result & 0xffff) - FG1_ERR_PROGRAM;

	_Static_assert(FERRY_ERROR_COUNT <= 256, "errors fit the table's type");
	/* A reason that is younger than this driver: say what is certain, the program is not one for this device. */
	return why < FERRY_ARRAY_SIZE(errors) && errors[why] ? errors[why] : FERRY_E_PROGRAM_OPCODE;
}

static int hal_program_load(void *hd, uint32_t slot, uint64_t bus, uint32_t insn_count, uint32_t arg_count,
                            uint32_t *at)
{
	uint64_t args[4] = {slot, bus, insn_count, arg_count};
	uint32_t result = 0;
	int err = control(hd, FG1_CMD_PROGRAM_LOAD, args, 4, &result);

	if (err)
		return err;
	if ((result & 0xffff) < FG1_ERR_PROGRAM)
		return result == FG1_ERR_NO_RESOURCE ? FERRY_E_PROGRAM_NOMEM : result_error(result);
	*at = result >> 16;
	return program_error(result);
}

static int hal_program_unload(void *hd, uint32_t slot)
{
	uint64_t arg = slot;

	return command(hd, FG1_CMD_PROGRAM_UNLOAD, &arg, 1);
}

/* ---- channels ---- */

static void hal_doorbell(void *hd, uint32_t channel, uint64_t put)
{
	reg_write(hd, FG1_REG_DOORBELL, (uint64_t)channel << 48 | (put & ((1ull << 48) - 1)));
}

static uint64_t hal_channel_get(void *hd, const void *status)
{
	(void)hd;
	return ferry_os_dma_load64((const uint8_t *)status + FG1_CHANNEL_GET);
}

static uint32_t hal_channel_error(void *hd, const void *status)
{
	(void)hd;
	return (uint32_t)ferry_os_dma_load64((const uint8_t *)status + FG1_CHANNEL_ERROR);
}

/* ---- faults ---- */

/* The entry with this number, if the device has finished it. */
static const uint64_t *fault_entry(const struct hal_fg1 *h, uint64_t number)
{
	const uint64_t *w;

	if (!h->faults)
		return NULL;
	w = (const uint64_t *)(const void *)(h->faults + (number & (h->fault_entries - 1)) * FG1_FAULT_BYTES);
	if (ferry_os_dma_load64(&w[FG1_FAULT_W_VALID]) != (number >> h->fault_entries_lg2) + 1)
		return NULL;
	ferry_os_dma_rmb(); /* pairs with the device writing VALID last */
	return w;
}

/* Nothing in an entry is trusted: what has no meaning is given the nearest that has one. */
static void fault_decode(const uint64_t *w, struct ferry_fault *out)
{
	uint64_t va = ferry_os_dma_load64(&w[FG1_FAULT_W_VA]);
	uint64_t space = ferry_os_dma_load64(&w[FG1_FAULT_W_SPACE]);
	uint32_t kind = FG1_FAULT_KIND(va), access = FG1_FAULT_ACCESS(va);

	out->va = ferry_align_down(va, FERRY_PAGE_SIZE);
	out->id = ferry_os_dma_load64(&w[FG1_FAULT_W_ID]);
	out->time_ns = ferry_os_dma_load64(&w[FG1_FAULT_W_TIME]);
	out->asid = (uint32_t)space;
	out->engine = (uint16_t)(space >> 32);
	out->lanes = (uint32_t)ferry_os_dma_load64(&w[FG1_FAULT_W_LANES]);
	out->access = (uint8_t)(access <= FERRY_ACCESS_ATOMIC ? access : FERRY_ACCESS_ATOMIC);
	out->kind = (uint8_t)(kind == FG1_FAULT_NOT_PRESENT  ? FERRY_FAULT_MISSING
	                      : kind == FG1_FAULT_PERMISSION ? FERRY_FAULT_PROT
	                      : kind == FG1_FAULT_POISON     ? FERRY_FAULT_POISONED
	                                                     : FERRY_FAULT_BAD_PTE);
	out->channel = (uint32_t)ferry_os_dma_load64(&w[FG1_FAULT_W_CHANNEL]);
}

static uint32_t hal_fault_fetch(void *hd, struct ferry_fault *out, uint32_t max, uint64_t *dropped)
{
	struct hal_fg1 *h = hd;
	uint64_t taken = ferry_os_load_relaxed(&h->faults_taken), lost;
	uint32_t n = 0;

	for (; n < max; n++) {
		const uint64_t *w = fault_entry(h, taken + n);

		if (!w)
			break;
		fault_decode(w, &out[n]);
	}
	if (n) {
		ferry_os_store_release(&h->faults_taken, taken + n);
		reg_write(h, FG1_REG_FAULT_GET, taken + n);
	}
	/* After there is room again: what is lost from now on comes with entries that wait. */
	lost = status_word(h, FG1_STATUS_FAULT_DROPPED);
	*dropped = lost - h->faults_dropped;
	h->faults_dropped = lost;
	return n;
}

static bool hal_fault_pending(void *hd)
{
	struct hal_fg1 *h = hd;

	return fault_entry(h, ferry_os_load_acquire(&h->faults_taken)) != NULL;
}

static void hal_fault_arm(void *hd)
{
	reg_write(hd, FG1_REG_FAULT_ARM, 1);
}

const struct ferry_hal ferry_hal_fg1 = {
	.name = "FG-1",
	.dev_bytes = sizeof(struct hal_fg1),
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
	.cmd_copy = ferry_hal_fg1_cmd_copy,
	.cmd_fill = ferry_hal_fg1_cmd_fill,
	.cmd_fence = ferry_hal_fg1_cmd_fence,
	.cmd_tlb_invalidate = ferry_hal_fg1_cmd_tlb_invalidate,
	.cmd_replay = ferry_hal_fg1_cmd_replay,
	.cmd_cancel = ferry_hal_fg1_cmd_cancel,
	.cmd_launch = ferry_hal_fg1_cmd_launch,
	.launch_result = ferry_hal_fg1_launch_result,
	.fault_fetch = hal_fault_fetch,
	.fault_pending = hal_fault_pending,
	.fault_arm = hal_fault_arm,
	.pte = ferry_hal_fg1_pte,
	.pde = ferry_hal_fg1_pde,
};
