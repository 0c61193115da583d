/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics.c - see metrics.h. */
#include "metrics.h"

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

void metrics_append(const char *path, const struct metrics *m)
{
    FILE *f = fopen(path, "a");
    char *names = header(m);

    if (!f)
        die("%s: %s", path, strerror(errno));
    if (ftell(f) == 0)
        fprintf(f, "%s\n", names);
    for (int i = 0; i < m->n; i++) {
        fprintf(f, "%s", i ? "," : "");
        if (isfinite(m->value[i]))
            fprintf(f, "%.7g", m->value[i]);
    }
    fprintf(f, "\n");
    if (ferror(f) || fclose(f))
        die("%s: %s", path, strerror(errno));
    g_free(names);
}

static void parse(struct metrics *m, char **names, const char *line)
{
    char **fields = g_strsplit(line, ",", -1);

    m->n = 0;
    for (int i = 0; names[i] && fields[i]; i++)
        metrics_add(m, *fields[i] ? g_ascii_strtod(fields[i], NULL) : NAN, "%s",
                    names[i]);
    g_strfreev(fields);
}

struct metrics *metrics_read(const char *path, int *n)
{
    struct metrics *all;
    char *text, **lines, **names;

    *n = 0;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    names = g_strsplit(lines[0], ",", METRICS_MOST);
    all = zeroed(sizeof(*all) * g_strv_length(lines));
    for (char **line = lines + 1; lines[0] && *line; line++)
        if (**line)
            parse(&all[(*n)++], names, *line);
    g_strfreev(names);
    g_strfreev(lines);
    g_free(text);
    return all;
}

void metrics_prepare(const char *path, const struct metrics *m, int epoch)
{
    int n;
    struct metrics *all = metrics_read(path, &n);
    char *names = header(m), *text = NULL, *old = g_strdup_printf("%s.old", path);

    if (all && g_file_get_contents(path, &text, NULL, NULL)) {
        size_t length = strlen(names);

        if (g_rename(path, old))
            die("%s: %s", old, strerror(errno));
        if (!strncmp(text, names, length) && text[length] == '\n') {
            for (int i = 0; i < n && metrics_get(&all[i], "epoch") <= epoch; i++)
                metrics_append(path, &all[i]);
            g_unlink(old);
        } else {
            printf("%s has other columns: it is %s now\n", path, old);
        }
    }
    g_free(text);
    g_free(old);
    g_free(names);
    free(all);
}
