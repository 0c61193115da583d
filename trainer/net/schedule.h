/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.h - the learning rate over progress: 100 steps of warm-up (fewer in a short
 * run), then half a cosine down to 2 %. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

/* Returns the share of the full rate at step 0, 1, ... and progress 0 .. 1 of the whole
 * training. */
float schedule_rate(long step, double progress);

/* Returns the codebooks' decay, which follows the rate: fast while the latent moves, then
 * averaging over many steps. */
float schedule_decay(double progress);

#endif
