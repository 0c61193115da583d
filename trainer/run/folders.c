/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* folders.c - see folders.h. */
#include "folders.h"

#include "memory.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define FILES 3                /* measured of a folder */
#define SECONDS 10             /* of each */

/* Returns the path below the dataset's folder: "te/one/a.wav". */
static const char *below(const struct dataset *d, const struct clip *c)
{
    const char *path = c->path;
    size_t n = d->dir ? strlen(d->dir) : 0;

    if (n && !strncmp(path, d->dir, n))
        path += n;
    while (*path == G_DIR_SEPARATOR)
        path++;
    return path;
}

/* Returns the length of the folders that begin every path, with the last separator. */
static size_t common(const struct dataset *const d[2])
{
    const char *first = NULL;
    size_t n = 0;

    for (int k = 0; k < 2; k++)
        for (int i = 0; i < d[k]->n; i++) {
            const char *path = below(d[k], &d[k]->clip[i]);

            if (!first) {
                first = path;
                n = strlen(path);
            }
            for (size_t at = 0; at < n; at++)
                if (path[at] != first[at])
                    n = at;
            while (n && first[n - 1] != G_DIR_SEPARATOR)
                n--;
        }
    return n;
}

static char *name_of(const struct dataset *d, const struct clip *c, size_t skip)
{
    const char *path = below(d, c) + skip, *end = strchr(path, G_DIR_SEPARATOR);

    return end ? g_strndup(path, end - path) : g_strdup(".");
}

static int by_speech(const void *a, const void *b)
{
    const struct folder *x = a, *y = b;

    if (x->minutes != y->minutes)
        return x->minutes < y->minutes ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Counts files and minutes of every folder. */
static void count(struct folders *f, const struct dataset *const d[2], size_t skip)
{
    GHashTable *known = g_hash_table_new(g_str_hash, g_str_equal);

    for (int k = 0; k < 2; k++)
        for (int i = 0; i < d[k]->n; i++) {
            const struct clip *c = &d[k]->clip[i];
            char *name = name_of(d[k], c, skip);
            int number = GPOINTER_TO_INT(g_hash_table_lookup(known, name));
            struct folder *at;

            if (!number) {
                number = ++f->n;
                f->folder[number - 1].name = name;
                g_hash_table_insert(known, name, GINT_TO_POINTER(number));
            } else {
                g_free(name);
            }
            at = &f->folder[number - 1];
            *(k ? &at->checked : &at->files) += 1;
            at->minutes += c->n / (60.0 * TELU_RATE);
        }
    g_hash_table_destroy(known);
}

static void measure(struct folder *f, const struct telu_model *m, const struct dataset *const d[2],
                    size_t skip)
{
    struct clip clip[FILES];
    struct dataset some = { .clip = clip };
    const struct dataset *from = d[f->checked > 0];
    const int all = f->checked ? f->checked : f->files, step = all > FILES ? all / FILES : 1;
    int seen = 0;

    for (int i = 0; i < from->n && some.n < FILES; i++) {
        char *name = name_of(from, &from->clip[i], skip);

        if (!strcmp(name, f->name) && seen++ % step == 0) {
            struct clip *c = &clip[some.n++];

            *c = from->clip[i];
            c->n = c->n < SECONDS * TELU_RATE ? c->n : SECONDS * TELU_RATE;
        }
        g_free(name);
    }
    quality_measure(f->q, m, &some, FILES);
}

void folders_measure(struct folders *f, const struct telu_model *m, const struct dataset *train,
                     const struct dataset *valid)
{
    const struct dataset *const d[2] = { train, valid };
    const size_t skip = common(d);

    *f = (struct folders){ zeroed(sizeof(*f->folder) * (train->n + valid->n + 1)), 0, 0 };
    count(f, d, skip);
    qsort(f->folder, f->n, sizeof(*f->folder), by_speech);
    for (; f->n > FOLDERS_MOST; f->left_out++)
        g_free(f->folder[--f->n].name);
    for (int i = 0; f->n > 1 && i < f->n; i++)
        measure(&f->folder[i], m, d, skip);
}

void folders_release(struct folders *f)
{
    for (int i = 0; i < f->n; i++)
        g_free(f->folder[i].name);
    free(f->folder);
}
