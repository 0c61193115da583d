/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bar.h - the progress of training: one line that redraws itself if stdout is a terminal,
 * else nothing (each epoch prints its own lines); with --json a line a second. */
#ifndef BAR_H
#define BAR_H

#include "loss.h"

struct bar {
    double last;               /* when it was drawn, seconds */
    double printed;            /* when a line of JSON was */
    int shown;
};

struct bar_state {
    int epoch;
    long step;
    double done;               /* 0 .. 1 of all training */
    double spent;              /* seconds since its start */
    double snr;                /* dB, of the network at the last check; NaN: there was none */
    struct loss_value loss;    /* of the last step */
    double speed;              /* seconds of speech per second */
};

/* Draws a few times a second at most. */
void bar_draw(struct bar *b, const struct bar_state *s);

/* Returns the line, of at most `columns` characters: to be freed. */
char *bar_text(const struct bar_state *s, int columns);

/* Erases the line before other output. */
void bar_clear(struct bar *b);

/* Writes 1:02:03, or 2:03. */
void bar_time(char text[32], double seconds);

#endif
