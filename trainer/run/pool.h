/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pool.h - work on independent items by several threads. Any thread may
 * take any item: what fn computes must not depend on it. */
#ifndef POOL_H
#define POOL_H

/* From then on n threads, the caller's among them; once, before pool_run(). */
void pool_start(int n);
int pool_threads(void);        /* 1 when there was no pool_start() */

/* fn(arg, item, thread) for items 0 .. n-1, thread < pool_threads(): all have returned
 * when this does. Not from inside fn. */
void pool_run(void (*fn)(void *arg, int item, int thread), void *arg, int n);

#endif
