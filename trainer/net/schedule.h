/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.h - learning rate as a function of progress: 100 steps of warm-up (fewer in
 * a short run), then half a cosine down to 2 %. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

/* step 0, 1, ...; progress 0 .. 1 of the whole training -> share of the full rate. */
float schedule_rate(long step, double progress);

/* Codebooks slow down with the rate: quick while the latent moves, then averaging
 * over many steps. */
float schedule_decay(double progress);

#endif
