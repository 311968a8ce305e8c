/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_stamp.c (process host) - how long something took, at the price of two reads of the CPU's own counter.
 *
 * clock_gettime() costs two to three times as much, and a fault of 4 KiB takes four. What a tick is in ns comes from
 * two looks at both clocks, FAR_NS apart at least; before the second, and where the counter is not constant, stamps
 * are of the clock.
 *
 *     stamp   [ counter     | 1 ]      or      [ ns     | 0 ]      each says itself which it is
 */
#include "ferry/os.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <x86intrin.h>

#define FAR_NS 20000000u /* two looks err by 1 us together: 50 millionths */
#define LOOK_NS 500u     /* a look that took longer was interrupted */
#define RATE_SHIFT 32u   /* rate: ns for each tick, as a 32.32 number */
#define RATE_MAX (100ull << RATE_SHIFT)
#define INVARIANT (1u << 8) /* CPUID 80000007h, EDX */

__extension__ typedef unsigned __int128 uint128;

static uint64_t rate;    /* atomic; 0: not known, or no use */
static uint32_t looking; /* atomic: somebody is at the next two */
static uint64_t first_ns, first_ticks;

/* Both clocks at one moment. */
static bool look(uint64_t *ns, uint64_t *ticks)
{
	*ns = ferry_os_now_ns();
	*ticks = __rdtsc();
	return ferry_os_now_ns() - *ns < LOOK_NS;
}

/* Asked once: in a virtual machine the instruction is slow. Under looking. */
static bool counter_is_constant(void)
{
	static bool asked, constant;
	uint32_t eax, ebx, ecx, edx;

	if (!asked)
		constant = __get_cpuid(0x80000007u, &eax, &ebx, &ecx, &edx) && (edx & INVARIANT);
	asked = true;
	return constant;
}

/* Under looking. */
static void learn_locked(void)
{
	uint64_t ns, ticks, ns_per_tick;

	if (!look(&ns, &ticks))
		return;
	if (!first_ns) {
		first_ns = ns;
		first_ticks = ticks;
	} else if (ns - first_ns >= FAR_NS && ticks > first_ticks) {
		ns_per_tick = (uint64_t)(((uint128)(ns - first_ns) << RATE_SHIFT) / (ticks - first_ticks));
		if (ns_per_tick < RATE_MAX)
			__atomic_store_n(&rate, ns_per_tick, __ATOMIC_RELEASE);
	}
}

static void learn(void)
{
	if (__atomic_load_n(&looking, __ATOMIC_RELAXED) || __atomic_exchange_n(&looking, 1, __ATOMIC_ACQUIRE))
		return;
	if (!counter_is_constant())
		return; /* nobody need look again */
	learn_locked();
	__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
}

uint64_t ferry_user_stamp(void)
{
	if (__builtin_expect(__atomic_load_n(&rate, __ATOMIC_RELAXED) != 0, 1))
		return (uint64_t)__rdtsc() << 1 | 1;
	learn();
	return ferry_os_now_ns() << 1;
}

uint64_t ferry_user_since_ns(uint64_t stamp)
{
	uint64_t now;

	if (!(stamp & 1))
		return ferry_os_now_ns() - (stamp >> 1);
	now = (uint64_t)__rdtsc() << 1 | 1;
	if (now < stamp) /* the counter starts over when the machine has slept */
		return 0;
	return (uint64_t)((uint128)((now - stamp) >> 1) * __atomic_load_n(&rate, __ATOMIC_RELAXED) >> RATE_SHIFT);
}

#else

uint64_t ferry_user_stamp(void)
{
	return ferry_os_now_ns();
}

uint64_t ferry_user_since_ns(uint64_t stamp)
{
	return ferry_os_now_ns() - stamp;
}

#endif
