/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_impl.h (process host) - a body for every prototype of ferry/os.h. Included by os.h only.
 *
 * Small bodies are inline, in one header per group; larger ones are ferry_user_*() in the .c of that group.
 */
#ifndef FERRY_USER_OS_IMPL_H
#define FERRY_USER_OS_IMPL_H

#include "os_log.h"
#include "os_trace.h"
#include "os_fault.h"
#include "os_atomic.h"
#include "os_thread.h"
#include "os_mem.h"
#include "os_lock.h"
#include "os_wait.h"
#include "os_work.h"

#endif /* FERRY_USER_OS_IMPL_H */
