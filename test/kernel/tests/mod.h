/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mod.h - the modules under test: load, unload, unbind.
 */
#ifndef FERRY_TEST_MOD_H
#define FERRY_TEST_MOD_H

/* 0 or an errno. Files are $FERRY_MODULES/NAME.ko; FERRY_SOFT_PARAMS is what the ring loads ferry_soft with. */
int mod_load(const char *name, const char *params);
int mod_unload(const char *name);
/* Both, in order; fails the case when a step fails. After it /dev/ferry0 is there, or gone. */
void mod_load_all(void);
void mod_unload_all(void);
/* A number out of /proc/meminfo, in KiB. */
long mod_memory_kb(const char *field);

/* The one line of a sysfs file; the number of bytes written or -errno. */
int mod_write(const char *path, const char *text);

#endif /* FERRY_TEST_MOD_H */
