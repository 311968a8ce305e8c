/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* exhibit.h - see exhibit.c. */
#ifndef FERRY_SIM_THREADS_EXHIBIT_H
#define FERRY_SIM_THREADS_EXHIBIT_H

#include "../tell.h"

/* Ends with NULL. */
extern const struct sim_story *const exhibits[];

#endif /* FERRY_SIM_THREADS_EXHIBIT_H */
