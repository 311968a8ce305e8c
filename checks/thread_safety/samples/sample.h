/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * sample.h - an object with one lock of each kind, for the samples. A sample is what somebody might write; each line
 * that is wrong ends in a comment FINDS: with the words of the finding that is expected there, and no other line may
 * have one.
 */
#ifndef FERRY_SAMPLE_H
#define FERRY_SAMPLE_H

#include "gpu/channel.h"
#include "lock/csem.h"
#include "lock/lock.h"
#include "lock/va_lock.h"

struct sample {
	struct ferry_mutex lock;
	struct ferry_rw rw;
	struct ferry_spin spin;
	struct ferry_sem sem;
	struct ferry_va_lock va;
	struct ferry_csem csem;
	int count FERRY_GUARDED_BY(&lock);
	int tree FERRY_GUARDED_BY(&rw);
	int ring FERRY_GUARDED_BY(&spin);
	int batch FERRY_GUARDED_BY(&sem);
	int ranges FERRY_GUARDED_BY(&va);
};

#endif /* FERRY_SAMPLE_H */
