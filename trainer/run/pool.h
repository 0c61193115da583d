/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pool.h - runs independent items on several threads. Any thread may take any item: fn's
 * result must not depend on the thread. */
#ifndef POOL_H
#define POOL_H

/* Starts the pool: n threads, the caller's among them. Call it once, before pool_run(). */
void pool_start(int n);
int pool_threads(void);        /* 1 when there was no pool_start() */

/* Calls fn(arg, item, thread) for items 0 .. n-1, thread < pool_threads(), and returns
 * when all have returned. fn must not call it. */
void pool_run(void (*fn)(void *arg, int item, int thread), void *arg, int n);

#endif
