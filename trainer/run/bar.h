/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bar.h - the progress of training: one line that redraws itself if stdout is a terminal,
 * else nothing (each epoch prints its own lines). */
#ifndef BAR_H
#define BAR_H

struct bar {
    double last;               /* when it was drawn, seconds */
    int shown;
};

/* done: 0 .. 1 of all training; `spent` seconds since its start; speed in seconds of
 * speech per second. Draws a few times a second at most. */
void bar_draw(struct bar *b, int epoch, double done, double spent, double loss,
              double speed);

/* Erases the line before other output. */
void bar_clear(struct bar *b);

/* Writes 1:02:03, or 2:03. */
void bar_time(char text[32], double seconds);

#endif
