/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * host_lock.c - the locks of the simulator's host where they block, and the three contracts of its read-write lock.
 *
 *                 no writer, no line        after the fast path failed           who leaves lets in
 *     fair        in                        the same once more, else the line    the head; if it reads, all readers
 *     weak        in                        the line, if anybody is in           the head, when nobody is left
 *     FIFO        in                        (there is no second look)            the head and the readers after it
 *
 * Fair is Linux 6.1 to 7.3 at the grain of its atomic steps. Weak is all that its documentation promises: a reader
 * that found a writer, and queues after that writer has gone, is woken by the next one who leaves the lock empty;
 * until then it is behind a reader.
 */
#include "ferry/os.h"

void sim_misuse(const char *what, uint32_t obj)
{
	sim_fail("misuse: %s of %s", what, obj ? sim_object_name(obj) : "what nobody made");
}

void sim_may_sleep(const char *what)
{
	struct sim_fiber *me = sim.me;

	sim_fail("sleep: %s waits for %s %s", me->name, what, me->irq ? "in an interrupt" : "with a spin lock held");
}

void sim_lock_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	m->waiting = 0;
	m->owner = 0;
	m->lock_class = (uint8_t)lock_class;
	m->obj = sim_object();
	sim_name_lock(m->obj, lock_class);
}

void sim_lock_fini(struct ferry_os_mutex *m)
{
	if (m->owner || m->waiting || !m->obj)
		sim_misuse("end", m->obj);
	m->obj = 0;
}

void sim_lock_slow(struct ferry_os_mutex *m)
{
	sim_block(SIM_ON_MUTEX, m);
}

void sim_unlock_wrong(struct ferry_os_mutex *m)
{
	sim_misuse(m->owner ? "unlock by another" : "unlock of a free lock", m->obj);
}

/* ---- read-write ---- */

void sim_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	memset(rw, 0, sizeof(*rw));
	rw->lock_class = (uint8_t)lock_class;
	rw->obj = sim_object();
	sim_name_lock(rw->obj, lock_class);
}

void sim_rw_fini(struct ferry_os_rw *rw)
{
	if (rw->readers || rw->writer || rw->line || !rw->obj)
		sim_misuse("end", rw->obj);
	rw->obj = 0;
}

static struct sim_fiber *head_of(uint64_t line)
{
	struct sim_fiber *head = NULL;

	for (; line; line &= line - 1) {
		struct sim_fiber *f = &sim.fiber[__builtin_ctzll(line)];

		if (!head || f->ticket < head->ticket)
			head = f;
	}
	return head;
}

static void let_in(struct ferry_os_rw *rw, struct sim_fiber *f)
{
	rw->line &= ~f->bit;
	if (f->wants_write)
		rw->writer = (uint8_t)(f->id + 1);
	else
		rw->readers |= f->bit;
	sim_ready(f);
}

/* Nobody is in, or readers are and readers may join them: the line moves. */
static void line_moves(struct ferry_os_rw *rw)
{
	struct sim_fiber *head = head_of(rw->line);

	if (!head || rw->writer || (rw->readers && (head->wants_write || sim.rwsem == SIM_RWSEM_WEAK)))
		return;
	if (head->wants_write) {
		let_in(rw, head);
		return;
	}
	if (sim.rwsem == SIM_RWSEM_FIFO) {
		for (; head && !head->wants_write; head = head_of(rw->line))
			let_in(rw, head);
		return;
	}
	for (uint64_t line = rw->line; line; line &= line - 1) {
		struct sim_fiber *f = &sim.fiber[__builtin_ctzll(line)];

		if (!f->wants_write)
			let_in(rw, f);
	}
}

static void line_up(struct ferry_os_rw *rw, bool write)
{
	struct sim_fiber *me = sim.me;

	me->ticket = ++rw->tickets;
	me->wants_write = write;
	rw->line |= me->bit;
	sim_block(SIM_ON_RW, rw);
}

static void used(struct ferry_os_rw *rw, const char *how)
{
	if (__builtin_expect(!rw->obj, 0))
		sim_misuse(how, rw->obj);
	if (__builtin_expect(sim.me->spins || sim.me->irq, 0))
		sim_may_sleep("a read-write lock");
}

void sim_rw_read(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return;
	used(rw, "read lock");
	sim_point(SIM_OP_READ, rw->obj);
	if (!rw->writer && !rw->line) {
		rw->readers |= sim.me->bit;
		return;
	}
	if (sim.rwsem != SIM_RWSEM_FIFO) {
		sim_point(SIM_OP_QUEUE, rw->obj);
		if (!rw->writer && !rw->line && (sim.rwsem == SIM_RWSEM_FAIR || !rw->readers)) {
			rw->readers |= sim.me->bit;
			return;
		}
	}
	line_up(rw, false);
}

bool sim_rw_read_try(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return true;
	sim_point(SIM_OP_TRY, rw->obj);
	if (rw->writer || rw->line)
		return false;
	rw->readers |= sim.me->bit;
	return true;
}

void sim_rw_read_out(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return;
	sim_point(SIM_OP_RELEASE, rw->obj);
	if (!(rw->readers & sim.me->bit))
		sim_misuse("read unlock by who does not read", rw->obj);
	rw->readers &= ~sim.me->bit;
	if (!rw->readers)
		line_moves(rw);
}

void sim_rw_write(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return;
	used(rw, "write lock");
	sim_point(SIM_OP_WRITE, rw->obj);
	if (!rw->writer && !rw->readers && !rw->line)
		rw->writer = (uint8_t)(sim.me->id + 1);
	else
		line_up(rw, true);
}

bool sim_rw_write_try(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return true;
	sim_point(SIM_OP_TRY, rw->obj);
	if (rw->writer || rw->readers || rw->line)
		return false;
	rw->writer = (uint8_t)(sim.me->id + 1);
	return true;
}

void sim_rw_write_out(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return;
	sim_point(SIM_OP_RELEASE, rw->obj);
	if (rw->writer != sim.me->id + 1)
		sim_misuse("write unlock by who does not write", rw->obj);
	rw->writer = 0;
	line_moves(rw);
}

/* The writer becomes a reader. In the fair and FIFO contracts readers at the head of the line join it. */
void sim_rw_downgrade(struct ferry_os_rw *rw)
{
	if (sim_is_without(rw->lock_class))
		return;
	sim_point(SIM_OP_RELEASE, rw->obj);
	if (rw->writer != sim.me->id + 1)
		sim_misuse("downgrade by who does not write", rw->obj);
	rw->writer = 0;
	rw->readers |= sim.me->bit;
	line_moves(rw);
}

/* ---- who holds what a fiber waits for: a set ---- */

uint64_t sim_holders(const struct sim_fiber *f)
{
	const struct ferry_os_mutex *m = f->on_what;
	const struct ferry_os_rw *rw = f->on_what;
	uint64_t before = 0;

	if (f->on == SIM_ON_MUTEX)
		return m->owner ? 1ull << (m->owner - 1) : 0;
	if (f->on != SIM_ON_RW || !(rw->line & f->bit))
		return 0;
	for (uint64_t line = rw->line; line; line &= line - 1) {
		struct sim_fiber *g = &sim.fiber[__builtin_ctzll(line)];

		/* A reader in the line is let in with the others, or after the writers before it. */
		if (g->ticket < f->ticket && (g->wants_write || f->wants_write))
			before |= g->bit;
	}
	return before | rw->readers | (rw->writer ? 1ull << (rw->writer - 1) : 0);
}

uint32_t sim_blocked_obj(const struct sim_fiber *f)
{
	if (f->on == SIM_ON_MUTEX)
		return ((const struct ferry_os_mutex *)f->on_what)->obj;
	if (f->on == SIM_ON_RW)
		return ((const struct ferry_os_rw *)f->on_what)->obj;
	return 0;
}
