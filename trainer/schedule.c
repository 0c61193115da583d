/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.c - see schedule.h. */
#include "schedule.h"

#include <math.h>

#define WARM_UP 100
#define LEAST 0.02

static double cosine(double progress)
{
    double p = progress < 1.0 ? progress : 1.0;

    return 0.5 * (1.0 + cos(3.14159265358979323846 * p));
}

float schedule_rate(long step, double progress)
{
    double warm = step + 1 < WARM_UP ? (step + 1) / (double)WARM_UP : 1.0;
    double rate = cosine(progress);

    return (float)(warm * (rate > LEAST ? rate : LEAST));
}

float schedule_decay(double progress)
{
    return (float)(1.0 - 0.005 - 0.015 * cosine(progress));
}
