/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* fg1.c - life of a device, its registers, its interrupts, its status page. */
#include "gpu.h"

static const uint64_t channel_mask48 = (1ull << 48) - 1;

static bool config_ok(const struct fg1_config *c)
{
	return c->vram && c->vram_bytes >= FERRY_BLOCK_SIZE && ferry_is_aligned(c->vram_bytes, FERRY_BLOCK_SIZE) &&
	       ferry_is_aligned((uintptr_t)c->vram, FERRY_PAGE_SIZE) && c->vram_bytes <= FG1_PTE_ADDR &&
	       c->sms >= 1 && c->sms <= FG1_SMS_MAX && !(c->caps & ~FG1_CAP_ALL);
}

static void free_sms(struct fg1 *gpu, uint32_t count)
{
	while (count)
		ferry_os_free(gpu->sms[--count]);
	ferry_os_free(gpu->sms);
}

static int create_sms(struct fg1 *gpu)
{
	uint32_t i;

	gpu->sms = ferry_os_zalloc(gpu->config.sms * sizeof(*gpu->sms), 0);
	if (!gpu->sms)
		return FERRY_E_NOMEM;
	for (i = 0; i < gpu->config.sms; i++) {
		gpu->sms[i] = ferry_os_zalloc(sizeof(*gpu->sms[i]), 0);
		if (!gpu->sms[i])
			goto free;
		fg1_sm_init(gpu, gpu->sms[i], i);
	}
	return 0;

free:
	free_sms(gpu, i);
	return FERRY_E_NOMEM;
}

int fg1_create(const struct fg1_config *config, const struct fg1_port *port, struct fg1 **out)
{
	struct fg1 *gpu;
	int err;

	if (!config_ok(config) || !port->dma || !port->irq || !port->kick)
		return FERRY_E_INVAL;
	gpu = ferry_os_zalloc(sizeof(*gpu), 0);
	if (!gpu)
		return FERRY_E_NOMEM;
	gpu->port = *port;
	gpu->config = *config;
	ferry_os_store_relaxed(&gpu->random, config->seed);
	err = create_sms(gpu);
	if (err)
		goto free_gpu;
	for (uint32_t i = 0; i < FG1_CHANNELS; i++)
		fg1_channel_init(gpu, &gpu->channels[i], i);
	ferry_os_mutex_init(&gpu->control, FERRY_OS_CLASS_MODEL + 0);
	ferry_os_mutex_init(&gpu->exclusive, FERRY_OS_CLASS_MODEL + 1);
	ferry_os_spin_init(&gpu->sched, FERRY_OS_CLASS_MODEL + 2);
	ferry_os_spin_init(&gpu->invalidates, FERRY_OS_CLASS_MODEL + 3);
	ferry_os_spin_init(&gpu->status_lock, FERRY_OS_CLASS_MODEL + 4);
	ferry_os_spin_init(&gpu->fault.lock, FERRY_OS_CLASS_MODEL + 5);
	*out = gpu;
	return 0;

free_gpu:
	ferry_os_free(gpu);
	return err;
}

void fg1_destroy(struct fg1 *gpu)
{
	struct fg1_kicks kicks = {0, 0};

	ferry_os_mutex_lock(&gpu->control);
	fg1_world_stop(gpu);
	fg1_wipe(gpu, true);
	fg1_world_start(gpu, &kicks);
	ferry_os_mutex_unlock(&gpu->control);
	ferry_os_spin_fini(&gpu->fault.lock);
	ferry_os_spin_fini(&gpu->status_lock);
	ferry_os_spin_fini(&gpu->invalidates);
	ferry_os_spin_fini(&gpu->sched);
	ferry_os_mutex_fini(&gpu->exclusive);
	ferry_os_mutex_fini(&gpu->control);
	for (uint32_t i = 0; i < FG1_CHANNELS; i++)
		ferry_os_free(gpu->channels[i].mmu);
	free_sms(gpu, gpu->config.sms);
	ferry_os_free(gpu);
}

uint32_t fg1_engines(const struct fg1 *gpu)
{
	return gpu->config.sms + FG1_CHANNELS;
}

uint32_t fg1_channels(const struct fg1 *gpu)
{
	(void)gpu;
	return FG1_CHANNELS;
}

uint64_t fg1_counter_get(struct fg1 *gpu, enum fg1_counter counter)
{
	return (uint32_t)counter < FG1_COUNTERS ? ferry_os_load_relaxed(&gpu->counters[counter]) : 0;
}

/* ---- interrupts ---- */

void fg1_irq(struct fg1 *gpu, uint32_t vector, bool stalled)
{
	if (fg1_knob(gpu, FG1_KNOB_OFF_BUS) || fg1_knob_draw(gpu, FG1_KNOB_IRQ_LOSE))
		return;
	gpu->port.irq(gpu->port.ctx, vector, stalled);
	if (fg1_knob_draw(gpu, FG1_KNOB_IRQ_DOUBLE))
		gpu->port.irq(gpu->port.ctx, vector, stalled);
}

/* ---- status page ---- */

void fg1_status_set(struct fg1 *gpu, uint8_t *page)
{
	ferry_os_spin_lock(&gpu->fault.lock);
	ferry_os_spin_lock(&gpu->status_lock);
	gpu->status = page;
	if (page)
		for (uint32_t at = 0; at < FG1_STATUS_COUNTERS + 8 * FG1_COUNTERS; at += 8)
			ferry_os_dma_store64(page + at, 0);
	ferry_os_spin_unlock(&gpu->status_lock);
	ferry_os_spin_unlock(&gpu->fault.lock);
}

void fg1_status_counters(struct fg1 *gpu)
{
	ferry_os_spin_lock(&gpu->status_lock);
	if (gpu->status)
		for (uint32_t i = 0; i < FG1_COUNTERS; i++)
			ferry_os_dma_store64(gpu->status + FG1_STATUS_COUNTERS + 8 * i,
			                     ferry_os_load_relaxed(&gpu->counters[i]));
	ferry_os_spin_unlock(&gpu->status_lock);
}

void fg1_status_counter(struct fg1 *gpu, enum fg1_counter counter)
{
	ferry_os_spin_lock(&gpu->status_lock);
	if (gpu->status)
		ferry_os_dma_store64(gpu->status + FG1_STATUS_COUNTERS + 8 * counter,
		                     ferry_os_load_relaxed(&gpu->counters[counter]));
	ferry_os_spin_unlock(&gpu->status_lock);
}

void fg1_status_fatal(struct fg1 *gpu, uint64_t why)
{
	ferry_os_spin_lock(&gpu->status_lock);
	if (gpu->status)
		ferry_os_dma_store64(gpu->status + FG1_STATUS_FATAL, why);
	ferry_os_spin_unlock(&gpu->status_lock);
}

/* ---- registers ---- */

static bool arg_index(uint32_t offset, uint32_t *n)
{
	*n = (offset - FG1_REG_ARG(0)) / 8;
	return offset >= FG1_REG_ARG(0) && offset < FG1_REG_ARG(FG1_ARG_REGS) && offset % 8 == 0;
}

static uint64_t limits(const struct fg1 *gpu)
{
	return gpu->config.sms | (uint64_t)FG1_CHANNELS << 8 | (uint64_t)FG1_CHANNELS << 16 |
	       (uint64_t)FG1_ASIDS << 32 | (uint64_t)FG1_PROGRAMS << 48;
}

uint64_t fg1_reg_read(struct fg1 *gpu, uint32_t offset)
{
	uint32_t n;

	if (fg1_knob(gpu, FG1_KNOB_OFF_BUS))
		return UINT64_MAX;
	switch (offset) {
	case FG1_REG_ID:
		return FG1_ID;
	case FG1_REG_CAPS:
		return gpu->config.caps;
	case FG1_REG_VRAM_BYTES:
		return gpu->config.vram_bytes;
	case FG1_REG_LIMITS:
		return limits(gpu);
	case FG1_REG_SCRATCH:
		return ferry_os_load_relaxed(&gpu->scratch);
	case FG1_REG_POWER:
		return ferry_os_load_relaxed(&gpu->power);
	default:
		return arg_index(offset, &n) ? ferry_os_load_relaxed(&gpu->args[n]) : 0;
	}
}

static void doorbell(struct fg1 *gpu, uint64_t value)
{
	uint32_t channel = (uint32_t)(value >> 48);

	if (channel >= FG1_CHANNELS)
		return;
	ferry_os_store_release(&gpu->channels[channel].put, value & channel_mask48); /* pairs with fetch() */
	gpu->port.kick(gpu->port.ctx, gpu->config.sms + channel);
}

void fg1_reg_write(struct fg1 *gpu, uint32_t offset, uint64_t value)
{
	uint32_t n;

	if (fg1_knob(gpu, FG1_KNOB_OFF_BUS))
		return;
	switch (offset) {
	case FG1_REG_DOORBELL:
		doorbell(gpu, value);
		break;
	case FG1_REG_FAULT_GET:
		fg1_fault_get(gpu, value);
		break;
	case FG1_REG_FAULT_ARM:
		if (fg1_fault_arm(gpu))
			fg1_irq(gpu, FG1_IRQ_FAULT, false);
		break;
	case FG1_REG_CMD:
		fg1_control(gpu, value);
		break;
	case FG1_REG_SCRATCH:
		ferry_os_store_relaxed(&gpu->scratch, value);
		break;
	default:
		if (arg_index(offset, &n))
			ferry_os_store_relaxed(&gpu->args[n], value);
		break;
	}
}
