/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bar.c - see bar.h. */
#include "bar.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define EVERY 0.25
#define WIDTH 24

void bar_time(char text[32], double seconds)
{
    long s = isfinite(seconds) && seconds < 1e9 ? lround(seconds) : 0;

    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
}

void bar_draw(struct bar *b, int epoch, double done, double spent, double loss,
              double speed)
{
    char left[32], line[WIDTH + 1] = "";

    if (!isatty(STDOUT_FILENO) || spent - b->last < EVERY)
        return;
    b->last = spent;
    b->shown = 1;
    for (int i = 0; i < WIDTH; i++)
        line[i] = i < done * WIDTH ? '#' : '.';
    bar_time(left, done > 0.0 ? spent / done - spent : 0.0);
    printf("\r\033[Kepoch %d [%s] %2.0f %%, mel %.3f, %.0f s of speech/s, %s left",
           epoch, line, 100.0 * done, loss, speed, left);
    fflush(stdout);
}

void bar_clear(struct bar *b)
{
    if (b->shown)
        printf("\r\033[K");
    b->shown = 0;
}
