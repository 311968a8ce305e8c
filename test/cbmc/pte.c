/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* pte.c - the page-table entries of hal/fg1/hal_fg1_encode.c, for all addresses, read back as docs/fg1.md says. */
#include "world.h"
#include "ferry/fg1.h"
#include "hal_fg1_impl.h"

#define BIT(n) (1ull << (n))

/* Goal: an entry says this address, this aperture, these rights and this size, and not one bit more. */
void prove_pte(void)
{
	uint64_t page = any_u64(), pte, address;
	uint32_t shift = any_bool() ? FERRY_BIG_SHIFT : FERRY_PAGE_SHIFT;
	enum ferry_aperture ap = any_bool() ? FERRY_APERTURE_DEVICE : FERRY_APERTURE_HOST;
	uint32_t right = any_u32();

	assume(right >= FERRY_ACCESS_READ && right <= FERRY_ACCESS_ATOMIC);
	assume(page < BIT(40)); /* 52 bits of address */
	address = page << 12;
	pte = ferry_hal_fg1_pte(ap, address, (enum ferry_access)right, shift);
	prove((pte & 1) && (pte & BIT(4)));
	prove((pte & 0x000ffffffffff000ull) == address);
	prove(!!(pte & BIT(3)) == (ap == FERRY_APERTURE_DEVICE));
	prove(!!(pte & BIT(1)) == (right != FERRY_ACCESS_READ));
	prove(!!(pte & BIT(2)) == (right == FERRY_ACCESS_ATOMIC));
	prove(!!(pte & BIT(5)) == (shift == FERRY_BIG_SHIFT));
	prove((pte & 0xfff0000000000fc0ull) == 0);
}

/* Goal: an address that does not fit never reaches a flag; an aperture that is none makes an entry that faults. */
void prove_pte_any(void)
{
	uint64_t address = any_u64(), good = address & 0x000ffffffffff000ull;
	uint32_t ap = any_u32(), right = any_u32();

	bug_is_allowed = true;
	assume(right <= FERRY_ACCESS_ATOMIC);
	if (ap == FERRY_APERTURE_HOST || ap == FERRY_APERTURE_DEVICE)
		prove(ferry_hal_fg1_pte((enum ferry_aperture)ap, address, (enum ferry_access)right, 12) ==
		      ferry_hal_fg1_pte((enum ferry_aperture)ap, good, (enum ferry_access)right, 12));
	else
		prove(!(ferry_hal_fg1_pte((enum ferry_aperture)ap, address, (enum ferry_access)right, 12) & 1));
}

/* Goal: an entry that names a table says its address and that it is one, nothing else. */
void prove_pde(void)
{
	uint64_t bus = any_u64();

	prove(ferry_hal_fg1_pde(bus) == ((bus & 0x000ffffffffff000ull) | 1));
}
