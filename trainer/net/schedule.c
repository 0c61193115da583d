/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.c - see schedule.h. */
#include "schedule.h"

#include <math.h>

#define WARM_UP 100            /* steps, or */
#define WARM_SHARE 0.1         /* of a run shorter than a thousand steps */
#define LEAST 0.02

static double cosine(double progress)
{
    double p = progress < 1.0 ? progress : 1.0;

    return 0.5 * (1.0 + cos(3.14159265358979323846 * p));
}

float schedule_rate(long step, double progress)
{
    double warm = fmin(1.0, fmax((step + 1) / (double)WARM_UP, progress / WARM_SHARE));
    double rate = cosine(progress);

    return (float)(warm * (rate > LEAST ? rate : LEAST));
}

float schedule_decay(double progress)
{
    return (float)(1.0 - 0.005 - 0.015 * cosine(progress));
}
