/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lines.c - see lines.h. */
#include "lines.h"

#include "json_put.h"
#include "memory.h"
#include "parallel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *out;              /* NULL: no --json */

void lines_begin(int json, int quiet)
{
    if (!json && !quiet)
        return;
    if (json) {
        int fd = dup(STDOUT_FILENO);

        out = fd < 0 ? NULL : fdopen(fd, "w");
        if (!out)
            die("stdout: %s", strerror(errno));
    }
    if (!freopen("/dev/null", "w", stdout))
        die("/dev/null: %s", strerror(errno));
}

GString *lines_new(const char *event)
{
    GString *s;

    if (!out || parallel_rank())
        return NULL;
    s = g_string_new("{");
    json_put_string(s, "event", event);
    return s;
}

void lines_end(GString *line)
{
    if (!line)
        return;
    if (fprintf(out, "%s}\n", line->str) < 0 || fflush(out))
        die("stdout: %s", strerror(errno));
    g_string_free(line, TRUE);
}

void lines_metrics(const char *event, const struct metrics *m)
{
    GString *s = lines_new(event);

    for (int i = 0; s && i < m->n; i++)
        json_put_number(s, m->name[i], m->value[i]);
    lines_end(s);
}

void lines_quality(const struct quality q[QUALITY_POINTS])
{
    GString *s = lines_new("quality");

    if (!s)
        return;
    json_put_key(s, "points");
    for (int i = 0; i < QUALITY_POINTS; i++) {
        g_string_append(s, i ? ",{" : "[{");
        json_put_string(s, "name", quality_points[i].name);
        json_put_number(s, "bitrate", q[i].bitrate);
        json_put_number(s, "snr", q[i].snr);
        json_put_number(s, "si_sdr", q[i].si_sdr);
        json_put_number(s, "lsd", q[i].lsd);
        json_put_number(s, "mean", q[i].mean);
        json_put_number(s, "level", q[i].ratio);
        g_string_append_c(s, '}');
    }
    g_string_append_c(s, ']');
    lines_end(s);
}

void lines_layers(const struct quality_layers *q)
{
    GString *s = lines_new("layers");

    if (!s)
        return;
    json_put_int(s, "files", q->files);
    json_put_int(s, "seconds", QUALITY_LAYERS_SECONDS);
    json_put_key(s, "points");
    for (int i = 0; i < QUALITY_POINTS; i++) {
        const struct quality *a = &q->integers[i], *b = &q->floats[i];

        g_string_append(s, i ? ",{" : "[{");
        json_put_string(s, "name", quality_points[i].name);
        json_put_number(s, "snr", a->snr);
        json_put_number(s, "float_snr", b->snr);
        json_put_number(s, "si_sdr", a->si_sdr);
        json_put_number(s, "float_si_sdr", b->si_sdr);
        json_put_number(s, "lsd", a->lsd);
        json_put_number(s, "float_lsd", b->lsd);
        json_put_number(s, "level", a->ratio);
        json_put_number(s, "float_level", b->ratio);
        g_string_append_c(s, '}');
    }
    g_string_append_c(s, ']');
    lines_end(s);
}
