/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics.c - see metrics.h. */
#include "metrics.h"

#include "disk.h"
#include "memory.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void metrics_add(struct metrics *m, double value, const char *name, ...)
{
    va_list ap;

    if (m->n == METRICS_MOST)
        die("more than %d numbers in an epoch", METRICS_MOST);
    va_start(ap, name);
    vsnprintf(m->name[m->n], sizeof(m->name[0]), name, ap);
    va_end(ap);
    m->value[m->n++] = value;
}

double metrics_get(const struct metrics *m, const char *name)
{
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->name[i], name))
            return m->value[i];
    return NAN;
}

static char *header(const struct metrics *m)
{
    GString *s = g_string_new(NULL);

    for (int i = 0; i < m->n; i++)
        g_string_append_printf(s, "%s%s", i ? "," : "", m->name[i]);
    return g_string_free(s, FALSE);
}

static void put_line(GString *s, const struct metrics *m)
{
    for (int i = 0; i < m->n; i++) {
        g_string_append(s, i ? "," : "");
        if (isfinite(m->value[i]))
            g_string_append_printf(s, "%.7g", m->value[i]);
    }
    g_string_append_c(s, '\n');
}

void metrics_append(const char *path, const struct metrics *m)
{
    char *names = header(m), *first = g_strconcat(names, "\n", NULL);
    GString *line = g_string_new(NULL);

    put_line(line, m);
    disk_append(path, first, strlen(first), line->str, line->len);
    g_string_free(line, TRUE);
    g_free(first);
    g_free(names);
}

/* Returns the number of lines parsed: 0 for one with other fields than names, as a full disk
 * leaves it. */
static int parse(struct metrics *m, char **names, const char *line)
{
    char **fields = g_strsplit(line, ",", -1);
    int whole = g_strv_length(fields) == g_strv_length(names);

    m->n = 0;
    for (int i = 0; whole && names[i]; i++)
        metrics_add(m, *fields[i] ? g_ascii_strtod(fields[i], NULL) : NAN, "%s",
                    names[i]);
    g_strfreev(fields);
    return whole;
}

struct metrics *metrics_read(const char *path, int *n)
{
    struct metrics *all;
    char *text, **lines, **names;

    *n = 0;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    names = g_strsplit(lines[0] ? lines[0] : "", ",", METRICS_MOST);
    all = zeroed(sizeof(*all) * (g_strv_length(lines) + 1));
    /* Text behind the last end of line is empty, or a line that a full disk cut. */
    for (char **line = lines + 1; lines[0] && line[0] && line[1]; line++)
        *n += parse(&all[*n], names, *line);
    g_strfreev(names);
    g_strfreev(lines);
    g_free(text);
    return all;
}

/* Writes the lines up to `epoch`, whole or not at all. */
static void keep(const char *path, const char *names, const struct metrics *all, int n, int epoch)
{
    GString *s = g_string_new(names);

    g_string_append_c(s, '\n');
    for (int i = 0; i < n && metrics_get(&all[i], "epoch") <= epoch; i++)
        put_line(s, &all[i]);
    if (disk_replace(path, s->str, s->len))
        die("%s: %s", path, strerror(errno));
    g_string_free(s, TRUE);
}

void metrics_prepare(const char *path, const struct metrics *m, int epoch)
{
    int n;
    struct metrics *all = metrics_read(path, &n);
    char *names = header(m), *text = NULL, *old = g_strdup_printf("%s.old", path);

    if (all && g_file_get_contents(path, &text, NULL, NULL) && *text) {
        size_t length = strlen(names);

        if (!strncmp(text, names, length) && text[length] == '\n') {
            keep(path, names, all, n, epoch);
        } else {
            if (g_rename(path, old))
                die("%s: %s", old, strerror(errno));
            printf("%s has other columns: it is %s now\n", path, old);
        }
    }
    g_free(text);
    g_free(old);
    g_free(names);
}
