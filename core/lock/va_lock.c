/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lock/va_lock.h"

void ferry_va_lock_init(struct ferry_va_lock *l)
{
	ferry_mutex_init(&l->writers, FERRY_LOCK_VA_SPACE_WRITERS);
	ferry_mutex_init(&l->acquire, FERRY_LOCK_VA_SPACE_ACQUIRE);
	ferry_rw_init(&l->rw, FERRY_LOCK_VA_SPACE);
}

void ferry_va_lock_fini(struct ferry_va_lock *l)
{
	ferry_rw_fini(&l->rw);
	ferry_mutex_fini(&l->acquire);
	ferry_mutex_fini(&l->writers);
}

void ferry_va_control_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line)
{
	ferry_mutex_lock_at(ctx, &l->writers, file, line);
	ferry_va_read_lock_at(ctx, l, file, line);
}

void ferry_va_control_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line)
{
	ferry_rw_read_unlock_at(ctx, &l->rw, file, line);
	ferry_mutex_unlock_at(ctx, &l->writers, file, line);
}

void ferry_va_write_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line)
{
	ferry_mutex_lock_at(ctx, &l->writers, file, line);
	ferry_mutex_lock_at(ctx, &l->acquire, file, line);
	ferry_rw_write_lock_at(ctx, &l->rw, file, line);
}

void ferry_va_write_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line)
{
	ferry_rw_write_unlock_at(ctx, &l->rw, file, line);
	ferry_mutex_unlock_at(ctx, &l->acquire, file, line);
	ferry_mutex_unlock_at(ctx, &l->writers, file, line);
}

void ferry_va_downgrade_for_control_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                       uint32_t line)
{
	ferry_rw_downgrade_at(ctx, &l->rw, file, line);
	ferry_mutex_unlock_at(ctx, &l->acquire, file, line);
}

void ferry_va_downgrade_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line)
{
	ferry_va_downgrade_for_control_at(ctx, l, file, line);
	ferry_mutex_unlock_at(ctx, &l->writers, file, line);
}
