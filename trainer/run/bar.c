/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bar.c - see bar.h. */
#include "bar.h"

#include "json_put.h"
#include "lines.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EVERY 0.25
#define EVERY_LINE 1.0
#define WIDTH 10

void bar_time(char text[32], double seconds)
{
    long s = isfinite(seconds) && seconds < 1e9 ? lround(seconds) : 0;

    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
}

/* Returns the seconds that are left, or NaN before anything is done to tell by. */
static double left_of(const struct bar_state *s)
{
    return s->done > 0.0 ? s->spent / s->done - s->spent : NAN;
}

char *bar_text(const struct bar_state *s, int columns)
{
    GString *text = g_string_new(NULL);
    const double seconds = left_of(s);
    char left[32];

    g_string_append_printf(text, "epoch %d [", s->epoch);
    for (int i = 0; i < WIDTH; i++)
        g_string_append_c(text, i < s->done * WIDTH ? '#' : '.');
    g_string_append_printf(text, "] %.0f %%", 100.0 * s->done);
    if (isfinite(seconds)) {
        bar_time(left, seconds);
        g_string_append_printf(text, ", %s left", left);
    }
    if (isfinite(s->snr))
        g_string_append_printf(text, ", SNR %.1f dB", s->snr);
    g_string_append_printf(text, ", mel %.3f, %.0f s of speech/s, cpx %.3f wave %.3f", s->loss.mel,
                           s->speed, s->loss.cpx, s->loss.wave);
    if (text->len > (gsize)columns)
        g_string_truncate(text, columns);
    return g_string_free(text, FALSE);
}

/* Returns the columns of the terminal but the last one, behind which it would begin a line. */
static int columns_of(void)
{
    struct winsize w;

    return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col > 20 ? w.ws_col - 1 : 79;
}

static void print_line(const struct bar_state *s)
{
    GString *line = lines_new("progress");

    if (!line)
        return;
    json_put_int(line, "epoch", s->epoch);
    json_put_int(line, "step", s->step);
    json_put_number(line, "done", s->done);
    json_put_number(line, "seconds", s->spent);
    json_put_number(line, "seconds_left", left_of(s));
    json_put_number(line, "snr", s->snr);
    json_put_number(line, "mel", s->loss.mel);
    json_put_number(line, "cpx", s->loss.cpx);
    json_put_number(line, "wave", s->loss.wave);
    json_put_number(line, "speed", s->speed);
    lines_end(line);
}

void bar_draw(struct bar *b, const struct bar_state *s)
{
    char *text;

    if (s->spent - b->printed >= EVERY_LINE) {
        b->printed = s->spent;
        print_line(s);
    }
    if (!isatty(STDOUT_FILENO) || s->spent - b->last < EVERY)
        return;
    b->last = s->spent;
    b->shown = 1;
    text = bar_text(s, columns_of());
    printf("\r\033[K%s", text);
    fflush(stdout);
    g_free(text);
}

void bar_clear(struct bar *b)
{
    if (b->shown)
        printf("\r\033[K");
    b->shown = 0;
}
