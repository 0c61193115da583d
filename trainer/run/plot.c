/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plot.c - see plot.h. */
#include "plot.h"

#include "png.h"

#include <math.h>

#define WIDTH  460             /* of curves */
#define HEIGHT 236
#define LEFT   62              /* beside a box: numbers and the name of the axis */
#define BELOW  38
#define ABOVE  40
#define BAR    14              /* width of a scale of colours */

static const char *const ink[PLOT_LINES] = { "#1668b8", "#c8502a", "#2a8a4a", "#7a3fa0",
                                             "#555" };

/* Returns a step of 1, 2 or 5 times a power of ten that divides the axis into `most` or less. */
static double round_step(const struct plot_axis *a, int most)
{
    double step = (a->high - a->low) / most, ten = pow(10.0, floor(log10(step)));

    step /= ten;
    step = ten * (step <= 1.0 ? 1 : step <= 2.0 ? 2 : step <= 5.0 ? 5 : 10);
    return fmax(step, a->least);
}

/* Returns where value lies between low (0) and high (1). */
static double place(const struct plot_axis *a, double value)
{
    return (value - a->low) / (a->high - a->low);
}

void plot_axes(GString *s, const struct plot_box *b, const struct plot_axis *x,
               const struct plot_axis *y)
{
    const double bottom = b->top + b->height, right = b->left + b->width;
    const double dx = round_step(x, 10);
    const double dy = round_step(y, 5);

    for (double v = ceil(y->low / dy - 1e-6) * dy; v <= y->high + 1e-6 * dy; v += dy) {
        double at = bottom - b->height * place(y, v);

        g_string_append_printf(s, "<path d='M%.0f %.1fh5' stroke='#444'/><text x='%.0f' y='%.1f' "
                               "text-anchor='end'>%.4g</text>", b->left - 5, at, b->left - 8,
                               at + 4, fabs(v) < 1e-6 * dy ? 0.0 : v);
    }
    for (double v = ceil(x->low / dx - 1e-6) * dx; v <= x->high + 1e-6 * dx; v += dx) {
        double at = b->left + b->width * place(x, v);

        g_string_append_printf(s, "<path d='M%.1f %.0fv5' stroke='#444'/><text x='%.1f' y='%.0f' "
                               "text-anchor='middle'>%.6g</text>", at, bottom, at, bottom + 17,
                               fabs(v) < 1e-6 * dx ? 0.0 : v);
    }
    g_string_append_printf(s, "<path d='M%.0f %.0fV%.0fH%.0f' fill='none' stroke='#444'/>",
                           b->left, b->top, bottom, right);
    g_string_append_printf(s, "<text x='%.0f' y='%.0f' text-anchor='middle'>%s</text>",
                           b->left + b->width / 2, bottom + 33, x->label);
    g_string_append_printf(s, "<text transform='translate(12 %.0f)rotate(-90)' "
                           "text-anchor='middle'>%s</text>", b->top + b->height / 2, y->label);
}

/* --- Curves ------------------------------------------------------------- */

static struct plot_axis bounds(const struct metrics *m, int n, const struct plot *p)
{
    struct plot_axis y = { INFINITY, -INFINITY, p->label, 0.0 };
    double step;

    for (int c = 0; c < PLOT_LINES && p->column[c]; c++)
        for (int i = 0; i < n; i++) {
            double v = metrics_get(&m[i], p->column[c]);

            y.low = isfinite(v) ? fmin(y.low, v) : y.low;
            y.high = isfinite(v) ? fmax(y.high, v) : y.high;
        }
    if (!isfinite(y.low))
        return y;
    if (y.high - y.low < 1e-6 * (1.0 + fabs(y.high))) {
        y.low -= 0.5;
        y.high += 0.5;
    }
    step = round_step(&y, 5);
    y.low = floor(y.low / step) * step;
    y.high = ceil(y.high / step) * step;
    return y;
}

static void curve(GString *s, const struct metrics *m, int n, const char *column,
                  const struct plot_box *b, const struct plot_axis *x, const struct plot_axis *y)
{
    const char *pen = "M";

    g_string_append(s, "<path fill='none' stroke-width='1.6' stroke-linecap='round' d='");
    for (int i = 0; i < n; i++) {
        double v = metrics_get(&m[i], column);

        if (!isfinite(v))
            continue;
        g_string_append_printf(s, "%s%.1f %.1f", pen,
                               b->left + b->width * place(x, metrics_get(&m[i], "epoch")),
                               b->top + b->height * (1.0 - place(y, v)));
        pen = "L";
    }
    g_string_append(s, "h.1'");
}

void plot_curves(GString *s, const struct metrics *m, int n, const struct plot *p)
{
    const struct plot_box box = { LEFT, ABOVE, WIDTH - LEFT - 10, HEIGHT - ABOVE - BELOW };
    const struct plot_axis y = bounds(m, n, p);
    struct plot_axis x = { metrics_get(&m[0], "epoch"), metrics_get(&m[n - 1], "epoch"), "epoch",
                           1.0 };

    if (!isfinite(y.low))
        return;
    x.high = x.high > x.low ? x.high : x.low + 1;
    g_string_append_printf(s, "<svg width='%d' height='%d' role='img'><text x='%d' y='12' "
                           "font-weight='bold'>%s</text>", WIDTH, HEIGHT, LEFT, p->title);
    plot_axes(s, &box, &x, &y);
    for (int c = 0; c < PLOT_LINES && p->column[c]; c++) {
        curve(s, m, n, p->column[c], &box, &x, &y);
        g_string_append_printf(s, " stroke='%s'/><text x='%d' y='%d' style='fill:%s'>%s</text>",
                               ink[c], LEFT + 8 + 110 * c, ABOVE - 10, ink[c], p->name[c]);
    }
    g_string_append(s, "</svg>\n");
}

/* --- Pictures ----------------------------------------------------------- */

/* Makes a palette from black over blue, magenta and orange to white: loud is light. */
static void make_colours(uint8_t colour[256][3])
{
    static const double stop[6][3] = { { 0, 0, 0 }, { 40, 20, 120 }, { 180, 40, 130 },
                                       { 250, 150, 50 }, { 255, 255, 240 },
                                       { 255, 255, 240 } };

    for (int i = 0; i < 256; i++) {
        double at = i * 4 / 255.0, t = at - (int)at;

        for (int c = 0; c < 3; c++)
            colour[i][c] = (uint8_t)lrint(stop[(int)at][c] * (1 - t) +
                                          stop[(int)at + 1][c] * t);
    }
}

void plot_data(GString *s, const char *type, const uint8_t *data, size_t n)
{
    char *text = g_base64_encode(data, n);

    g_string_append_printf(s, "data:%s;base64,%s", type, text);
    g_free(text);
}

static void put_image(GString *s, const struct plot_box *b, const uint8_t *pixel, int width,
                      int height)
{
    uint8_t colour[256][3];
    GByteArray *png;

    make_colours(colour);
    png = png_make(pixel, width, height, (const uint8_t (*)[3])colour);
    g_string_append_printf(s, "<image x='%.0f' y='%.0f' width='%.0f' height='%.0f' "
                           "preserveAspectRatio='none'%s href='", b->left, b->top, b->width,
                           b->height, height > width || height < 64 ?
                           " style='image-rendering:pixelated'" : "");
    plot_data(s, "image/png", png->data, png->len);
    g_string_append(s, "'/>");
    g_byte_array_unref(png);
}

/* Draws the palette, its numbers on the right. */
static void put_scale(GString *s, const struct plot_box *b, const struct plot_axis *a)
{
    const double step = round_step(a, 5);
    uint8_t level[256];

    for (int i = 0; i < 256; i++)
        level[i] = (uint8_t)(255 - i);
    put_image(s, b, level, 1, 256);
    for (double v = ceil(a->low / step - 1e-6) * step; v <= a->high + 1e-6 * step; v += step)
        g_string_append_printf(s, "<text x='%.0f' y='%.1f'>%.4g</text>", b->left + BAR + 4,
                               b->top + b->height * (1.0 - place(a, v)) + 4,
                               fabs(v) < 1e-6 * step ? 0.0 : v);
    g_string_append_printf(s, "<text x='%.0f' y='%.0f'>%s</text>", b->left, b->top - 10, a->label);
}

void plot_picture(GString *s, const struct plot_picture *p)
{
    const struct plot_box box = { LEFT, ABOVE, p->across, p->down };
    const struct plot_box bar = { LEFT + p->across + 14, ABOVE, BAR, p->down };
    const double width = LEFT + p->across + 70, height = ABOVE + p->down + BELOW;

    g_string_append_printf(s, "<svg viewBox='0 0 %.0f %.0f' width='%.0f' role='img'>"
                           "<text x='%d' y='12' font-weight='bold'>%s</text>", width, height,
                           width, LEFT, p->title);
    put_image(s, &box, p->pixel, p->width, p->height);
    plot_axes(s, &box, &p->x, &p->y);
    put_scale(s, &bar, &p->scale);
    g_string_append(s, "</svg>\n");
}
