/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plot.h - drawings for the report, as SVG: axes with round numbers, curves, pictures. */
#ifndef PLOT_H
#define PLOT_H

#include "metrics.h"

#include <glib.h>
#include <stdint.h>

#define PLOT_LINES 5

/* An axis: its range, its name with the unit, and the least step between two numbers. */
struct plot_axis {
    double low, high;
    const char *label;
    double least;
};

/* A place on the page, in pixels, for what the axes enclose. */
struct plot_box {
    double left, top, width, height;
};

/* Curves of the columns there are, over the column "epoch". */
struct plot {
    const char *title, *label; /* of the vertical axis, with the unit */
    const char *column[PLOT_LINES], *name[PLOT_LINES];
};

/* Draws both axes around a box, a few round numbers at each. */
void plot_axes(GString *s, const struct plot_box *box, const struct plot_axis *x,
               const struct plot_axis *y);

/* Draws curves of the n lines of m; nothing when no column has a number. */
void plot_curves(GString *s, const struct metrics *m, int n, const struct plot *p);

/* A picture whose pixels (height, width) are levels from 0 to 255 of one palette, drawn with axes
 * and the palette's scale, in what that stands for. */
struct plot_picture {
    const char *title;
    const uint8_t *pixel;
    int width, height;         /* of the picture */
    double across, down;       /* of the box, on the page */
    struct plot_axis x, y, scale;
};

void plot_picture(GString *s, const struct plot_picture *p);

/* Appends bytes as a data URI. */
void plot_data(GString *s, const char *type, const uint8_t *data, size_t n);

#endif
