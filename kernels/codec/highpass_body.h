/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* highpass_body.h - definition of highpass.h, for host and device (host_device.h). */
#ifndef TELU_HIGHPASS_BODY_H
#define TELU_HIGHPASS_BODY_H

#include "highpass.h"

#define DECAY    0.99882259f   /* R */
#define SMALLEST 1e-15f        /* outputs below become 0 at a packet's end: no denormals */

TELU_STATIC float highpass_mean(const float *x)
{
    float sum = 0.0f;

    TELU_UNROLL
    for (int i = 0; i < TELU_PACKET; i++)
        sum += x[i];
    return sum / TELU_PACKET;
}

TELU_PUBLIC void telu_highpass_run(struct telu_highpass *f, float *x, int wanted)
{
    float last = f->x, y = f->y;

    if (!wanted) {
        f->runs = 0;
        f->x = f->y = 0.0f;
        return;
    }
    if (!f->runs) {
        last = highpass_mean(x);
        y = 0.0f;
        TELU_SYNC_LANES();                 /* all lanes have read x */
    }

    /* Each lane reads and writes one sample; all lanes follow the filter through them. */
    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES) {
        float mine = x[i], out = 0.0f;

        for (int lane = 0; lane < TELU_LANES; lane++) {
            float now = telu_lane_value(mine, lane);

            y = DECAY * y + (now - last);
            last = now;
            out = lane == TELU_LANE ? y : out;
        }
        x[i] = out;
    }
    TELU_SYNC_LANES();
    f->runs = 1;
    f->x = last;
    f->y = y < SMALLEST && y > -SMALLEST ? 0.0f : y;
}

#undef DECAY
#undef SMALLEST

#endif
