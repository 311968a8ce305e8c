/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* channel_test.c - the front end: rings, doorbells, semaphores, what each command refuses. */
#include "dev.h"

/*
 * Goal: commands run in order, GET counts them, and the ring wraps.
 * Method: 1000 fences through a ring of 64, in batches; the word always holds the last one's value.
 */
static void commands_run_in_order_around_the_ring(void **unused)
{
	struct dev d;
	uint64_t *word, n = 0;

	(void)unused;
	dev_start(&d, NULL);
	word = dev_page(&d, 0);
	while (n < 1000) {
		for (uint32_t i = 0; i < 1 + n % 64 && n < 1000; i++)
			RIG_PUT(&d.copy, FG1_OP_SEM_RELEASE, dev_bus(&d, word), ++n);
		rig_ring(&d.copy);
		assert_uint_equal(*word, n);
		assert_uint_equal(rig_get(&d.copy), n);
	}
	assert_true(rig_done(&d.copy));
	dev_stop(&d);
}

/*
 * Goal: a PUT that makes no sense stops the channel and nothing else; a doorbell for nobody is ignored.
 * Method: entries + 1 ahead, then behind; other channels still work.
 */
static void a_put_beyond_the_ring_stops_the_channel(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	fg1_reg_write(d.rig.gpu, FG1_REG_DOORBELL, 63ull << 48 | 5);
	fg1_reg_write(d.rig.gpu, FG1_REG_DOORBELL, 64ull << 48 | 5);
	fg1_reg_write(d.rig.gpu, FG1_REG_DOORBELL, UINT64_MAX);
	d.copy.put = 65;
	rig_ring(&d.copy);
	assert_uint_equal(rig_get(&d.copy), 0);
	assert_uint_equal(rig_error(&d.copy), FG1_ERR_ARG);
	assert_uint_equal(d.rig.irqs[FG1_IRQ_ERROR].v, 1);
	rig_ring(&d.copy);
	assert_uint_equal(d.rig.irqs[FG1_IRQ_ERROR].v, 1);
	fg1_reg_write(d.rig.gpu, FG1_REG_DOORBELL, 1ull << 48 | 0xffffffffffffull); /* one behind */
	assert_uint_equal(rig_error(&d.compute), FG1_ERR_ARG);
	dev_stop(&d);
}

static void refused(struct dev *d, uint32_t kind, const uint64_t *words, uint32_t error)
{
	struct rig_channel ch;

	assert_int_equal(rig_open(&d->rig, &ch, 9, kind, DEV_ASID), FG1_OK);
	RIG_PUT(&ch, FG1_OP_NOP);
	rig_put(&ch, words, FG1_CMD_WORDS);
	RIG_PUT(&ch, FG1_OP_NOP);
	rig_ring(&ch);
	if (rig_error(&ch) != error || rig_get(&ch) != 1)
		print_message("op %u on kind %u: error %u, get %u\n", (uint32_t)words[0], kind,
		              (uint32_t)rig_error(&ch), (uint32_t)rig_get(&ch));
	assert_uint_equal(rig_get(&ch), 1);
	assert_uint_equal(rig_error(&ch), error);
	assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_CHANNEL_DESTROY, 9), FG1_OK);
	rig_free(&d->rig, ch.ring, 64 * FG1_CMD_BYTES);
	rig_free(&d->rig, ch.status, 64);
}

/* Addresses in the table of bad commands: a page, one the device may only read, one that does not exist. */
#define PAGE 0x1111000ull
#define RO 0x2222000ull
#define GONE (RIG_BUS + (1ull << 40))
enum { HOST = FERRY_APERTURE_HOST, DEV = FERRY_APERTURE_DEVICE, VIRT = FERRY_APERTURE_VIRTUAL };

static const struct {
	uint32_t kind;
	uint64_t w[FG1_CMD_WORDS];
	uint32_t error;
} bad_commands[] = {
	{FG1_CHANNEL_COPY, {FG1_OPS}, FG1_ERR_UNKNOWN},
	{FG1_CHANNEL_COPY, {0xff}, FG1_ERR_UNKNOWN},
	{FG1_CHANNEL_COPY, {FG1_OP_NOP | 1ull << 63}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_NOP | FG1_SEM_IRQ}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_LAUNCH, 0, 1, 1, 1, PAGE, PAGE}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_PTE_WRITE, PAGE, 1}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_TLB_INVALIDATE, DEV_ASID}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_FAULT_REPLAY}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_FAULT_CANCEL, 1, 0, 1}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_COPY | RIG_APERTURES(HOST, HOST), PAGE, PAGE, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_COPY | RIG_APERTURES(VIRT, DEV), 0, 0, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COMPUTE, {FG1_OP_FILL | RIG_APERTURES(DEV, 0), 0, 0, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(3, HOST), 0, PAGE, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(HOST, 3), PAGE, 0, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(DEV, HOST), 4 << 20, PAGE, 1}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(HOST, DEV), PAGE, (4 << 20) - 4, 5}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 0, UINT64_MAX - 3, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 0, 8, UINT64_MAX}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(VIRT, DEV), 1ull << 48, 0, 1}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(DEV, HOST), 0, GONE, 8}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(HOST, DEV), RO, 0, 8}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(DEV, HOST), 0, UINT64_MAX - 7, 7}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_COPY | RIG_APERTURES(DEV, HOST), 0, UINT64_MAX - 6, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_FILL | RIG_APERTURES(DEV, 0), 4, 0, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_FILL | RIG_APERTURES(DEV, 0), 0, 0, 12}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_FILL | RIG_APERTURES(DEV, 1), 0, 0, 8}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_SEM_ACQUIRE, GONE, 1}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_SEM_ACQUIRE, PAGE + 4, 1}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_SEM_RELEASE, RO, 1}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_SEM_RELEASE, PAGE, 1, GONE}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_SEM_RELEASE, PAGE + 1, 1}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_PTE_WRITE, PAGE, 65537}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_PTE_WRITE, PAGE + 4, 1}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_PTE_WRITE, GONE, 1}, FG1_ERR_DMA},
	{FG1_CHANNEL_COPY, {FG1_OP_TLB_INVALIDATE, 256}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_TLB_INVALIDATE, 1ull << 32}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_TLB_INVALIDATE, DEV_ASID, 1ull << 48, 1}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_TLB_INVALIDATE, DEV_ASID, 4096, 1ull << 48}, FG1_ERR_ARG},
	{FG1_CHANNEL_COPY, {FG1_OP_FAULT_CANCEL, 1, 0, 0}, FG1_ERR_ARG},
};

/*
 * Goal: what a command must not be stops its channel at that command with the manual's code.
 * Method: a table of bad commands, each between two good ones on a channel of its own.
 */
static void bad_commands_stop_the_channel_where_they_stand(void **unused)
{
	uint64_t *page, *ro;
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	page = dev_page(&d, 0);
	ro = dev_page(&d, 0);
	rig_read_only(&d.rig, ro, true);
	for (uint32_t i = 0; i < DEV_COUNT(bad_commands); i++) {
		uint64_t w[FG1_CMD_WORDS];

		for (uint32_t k = 0; k < FG1_CMD_WORDS; k++) {
			w[k] = bad_commands[i].w[k];
			if ((w[k] & ~4095ull) == PAGE)
				w[k] += dev_bus(&d, page) - PAGE;
			else if (w[k] == RO)
				w[k] = dev_bus(&d, ro);
		}
		refused(&d, bad_commands[i].kind, w, bad_commands[i].error);
	}
	assert_uint_equal(d.rig.irqs[FG1_IRQ_ERROR].v, DEV_COUNT(bad_commands));
	dev_stop(&d);
}

/*
 * Goal: commands whose capability is switched off are UNSUPPORTED.
 * Method: a device with nothing.
 */
static void commands_need_their_capability(void **unused)
{
	const uint64_t bad[][FG1_CMD_WORDS] = {
		{FG1_OP_PTE_WRITE, RIG_BUS, 1},
		{FG1_OP_FAULT_REPLAY},
		{FG1_OP_FAULT_CANCEL, 1, 1, 1},
		{FG1_OP_COPY | RIG_APERTURES(FERRY_APERTURE_DEVICE, FERRY_APERTURE_VIRTUAL), 0, 0, 8},
		{FG1_OP_FILL | RIG_APERTURES(FERRY_APERTURE_VIRTUAL, 0), 0, 0, 8},
	};
	struct dev d;

	(void)unused;
	dev_start(&d, &(struct rig_options){.caps = FG1_CAP_FLOAT});
	for (uint32_t i = 0; i < DEV_COUNT(bad); i++)
		refused(&d, FG1_CHANNEL_COPY, bad[i], FG1_ERR_UNSUPPORTED);
	dev_stop(&d);
}

/*
 * Goal: an acquire holds its channel until the value is there, as a signed difference.
 * Method: another channel releases; the waiting one goes on without a doorbell. A CPU's store needs one.
 */
static void an_acquire_waits_for_its_value(void **unused)
{
	struct dev d;
	uint64_t *word;

	(void)unused;
	dev_start(&d, NULL);
	word = dev_page(&d, 0);
	RIG_PUT(&d.compute, FG1_OP_SEM_ACQUIRE, dev_bus(&d, word), 5);
	RIG_DO(&d.compute, FG1_OP_SEM_RELEASE, dev_bus(&d, word + 1), 1);
	assert_uint_equal(rig_get(&d.compute), 0);
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE, dev_bus(&d, word), 4);
	assert_uint_equal(rig_get(&d.compute), 0);
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE, dev_bus(&d, word), 5);
	assert_true(rig_done(&d.compute));
	assert_uint_equal(word[1], 1);

	RIG_DO(&d.compute, FG1_OP_SEM_ACQUIRE, dev_bus(&d, word), 9);
	ferry_os_dma_store64(word, 9);
	assert_uint_equal(rig_get(&d.compute), 2);
	rig_ring(&d.compute);
	assert_true(rig_done(&d.compute));

	ferry_os_dma_store64(word, 2); /* 2 is after the largest value, by 3 */
	RIG_DO(&d.compute, FG1_OP_SEM_ACQUIRE, dev_bus(&d, word), UINT64_MAX);
	assert_true(rig_done(&d.compute));
	dev_stop(&d);
}

/*
 * Goal: a release stores the time on request, and raises its interrupt after the value is there.
 * Method: look at the word from the interrupt.
 */
static uint64_t seen_at_irq;

static void look_at_word(void *arg, uint32_t vector, bool stalled)
{
	(void)stalled;
	if (vector == FG1_IRQ_SEMAPHORE)
		seen_at_irq = *(uint64_t *)arg;
}

static void a_release_tells_time_and_interrupts(void **unused)
{
	struct dev d;
	uint64_t *word, before = ferry_os_now_ns();

	(void)unused;
	dev_start(&d, NULL);
	word = dev_page(&d, 0);
	d.rig.on_irq = look_at_word;
	d.rig.on_irq_arg = word;
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE, dev_bus(&d, word), 1);
	assert_uint_equal(d.rig.irqs[FG1_IRQ_SEMAPHORE].v, 0);
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE | FG1_SEM_IRQ, dev_bus(&d, word), 7, dev_bus(&d, word + 1));
	assert_uint_equal(d.rig.irqs[FG1_IRQ_SEMAPHORE].v, 1);
	assert_uint_equal(seen_at_irq, 7);
	assert_true(word[1] >= before && word[1] <= ferry_os_now_ns());
	dev_stop(&d);
}

/*
 * Goal: PTE_WRITE stores first + i * step, also for more entries than it writes in one step.
 * Method: 1300 entries over three pages; the word after them is untouched.
 */
static void pte_write_stores_a_progression(void **unused)
{
	struct dev d;
	uint64_t *table;

	(void)unused;
	dev_start(&d, NULL);
	table = rig_alloc(&d.rig, 3 * FERRY_PAGE_SIZE);
	RIG_DO(&d.copy, FG1_OP_PTE_WRITE, dev_bus(&d, table), 1300, 0x1013, 4096);
	assert_true(rig_done(&d.copy));
	for (uint64_t i = 0; i < 1300; i++)
		assert_uint_equal(table[i], 0x1013 + i * 4096);
	assert_uint_equal(table[1300], 0);
	RIG_DO(&d.copy, FG1_OP_PTE_WRITE, dev_bus(&d, table), 0, 7, 7);
	RIG_DO(&d.copy, FG1_OP_MEMBAR);
	assert_true(rig_done(&d.copy));
	assert_uint_equal(table[0], 0x1013);
	dev_stop(&d);
}

/*
 * Goal: a destroyed channel is forgotten in the middle of a command, and its number can be used again.
 * Method: destroy while an acquire waits; ring and status are freed (ASan watches) before others release.
 */
static void a_channel_can_be_destroyed_while_it_waits(void **unused)
{
	struct dev d;
	struct rig_channel ch;
	uint64_t *word;

	(void)unused;
	dev_start(&d, NULL);
	word = dev_page(&d, 0);
	assert_int_equal(rig_open(&d.rig, &ch, 7, FG1_CHANNEL_COPY, UINT32_MAX), FG1_OK);
	RIG_DO(&ch, FG1_OP_SEM_ACQUIRE, dev_bus(&d, word), 1);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 7), FG1_OK);
	rig_free(&d.rig, ch.ring, 64 * FG1_CMD_BYTES);
	rig_free(&d.rig, ch.status, 64);
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE, dev_bus(&d, word), 1);
	rig_ring(&ch);
	assert_true(rig_done(&d.copy));
	assert_int_equal(rig_open(&d.rig, &ch, 7, FG1_CHANNEL_COPY, UINT32_MAX), FG1_OK);
	RIG_DO(&ch, FG1_OP_NOP);
	assert_true(rig_done(&ch));
	dev_stop(&d);
}

/*
 * Goal: a doorbell that rings while the channel runs, even on its own thread, is not lost.
 * Method: each fence's interrupt puts the next fence and rings, ten times.
 */
struct chain {
	struct dev *d;
	uint64_t *word;
	uint32_t left;
};

static void ring_again(void *arg, uint32_t vector, bool stalled)
{
	struct chain *c = arg;

	(void)vector;
	(void)stalled;
	if (c->left) {
		c->left--;
		RIG_DO(&c->d->copy, FG1_OP_SEM_RELEASE | FG1_SEM_IRQ, dev_bus(c->d, c->word), 10 - c->left);
	}
}

static void a_doorbell_inside_an_interrupt_is_not_lost(void **unused)
{
	struct dev d;
	struct chain c = {&d, NULL, 10};

	(void)unused;
	dev_start(&d, NULL);
	c.word = dev_page(&d, 0);
	d.rig.on_irq = ring_again;
	d.rig.on_irq_arg = &c;
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE | FG1_SEM_IRQ, dev_bus(&d, c.word), 0);
	assert_true(rig_done(&d.copy));
	assert_uint_equal(*c.word, 10);
	dev_stop(&d);
}

/*
 * Goal: control commands work inside an interrupt on the channel's own thread, against that very channel.
 * Method: destroy it, free its memory (ASan watches), create another under its number; the engine goes on with that.
 */
static void replace_channel(void *arg, uint32_t vector, bool stalled)
{
	struct dev *d = arg;

	(void)stalled;
	if (vector != FG1_IRQ_SEMAPHORE || d->copy.id != 0)
		return;
	assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_CHANNEL_DESTROY, 0), FG1_OK);
	rig_free(&d->rig, d->copy.ring, 64 * FG1_CMD_BYTES);
	rig_free(&d->rig, d->copy.status, 64);
	dev_page(d, UINT64_MAX); /* where the old ring was */
	assert_int_equal(rig_open(&d->rig, &d->copy, 0, FG1_CHANNEL_COPY, DEV_ASID), FG1_OK);
	RIG_DO(&d->copy, FG1_OP_NOP);
}

static void a_channel_can_be_replaced_inside_its_interrupt(void **unused)
{
	struct dev d;
	uint64_t *word;

	(void)unused;
	dev_start(&d, NULL);
	word = dev_page(&d, 0);
	d.rig.on_irq = replace_channel;
	d.rig.on_irq_arg = &d;
	RIG_PUT(&d.copy, FG1_OP_SEM_RELEASE | FG1_SEM_IRQ, dev_bus(&d, word), 1);
	RIG_DO(&d.copy, FG1_OP_SEM_RELEASE, dev_bus(&d, word), 2); /* never runs */
	assert_uint_equal(*word, 1);
	assert_uint_equal(rig_get(&d.copy), 1);
	assert_true(rig_done(&d.copy));
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_run_in_order_around_the_ring),
		cmocka_unit_test(a_put_beyond_the_ring_stops_the_channel),
		cmocka_unit_test(bad_commands_stop_the_channel_where_they_stand),
		cmocka_unit_test(commands_need_their_capability),
		cmocka_unit_test(an_acquire_waits_for_its_value),
		cmocka_unit_test(a_release_tells_time_and_interrupts),
		cmocka_unit_test(pte_write_stores_a_progression),
		cmocka_unit_test(a_channel_can_be_destroyed_while_it_waits),
		cmocka_unit_test(a_doorbell_inside_an_interrupt_is_not_lost),
		cmocka_unit_test(a_channel_can_be_replaced_inside_its_interrupt),
	};

	return cmocka_run_group_tests_name("softgpu/channel", tests, NULL, NULL);
}
