/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dataset.c - see dataset.h. */
#include "dataset.h"

#include "decode.h"
#include "memory.h"
#include "telu.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static void find(GPtrArray *paths, const char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    if (!d)
        return;
    while ((name = g_dir_read_name(d))) {
        char *path = g_build_filename(dir, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
            find(paths, path);
            g_free(path);
        } else {
            g_ptr_array_add(paths, path);
        }
    }
    g_dir_close(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void line_up(struct dataset *d)
{
    d->total = 0;
    for (int i = 0; i < d->n; i++) {
        d->clip[i].at = d->total;
        d->total += d->clip[i].n;
    }
}

void dataset_load(struct dataset *d, const char *dir)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

    find(paths, dir);
    g_ptr_array_sort(paths, by_name);
    memset(d, 0, sizeof(*d));
    d->clip = zeroed(sizeof(*d->clip) * (paths->len + 1));
    for (guint i = 0; i < paths->len; i++) {
        const char *path = paths->pdata[i];
        struct clip *c = &d->clip[d->n];
        char *reason;

        c->pcm = decode_file(path, &c->n, &reason);
        if (!c->pcm) {
            fprintf(stderr, "skipped %s: %s\n", path, reason);
            g_free(reason);
            continue;
        }
        c->path = g_strdup(path);
        d->n++;
    }
    g_ptr_array_free(paths, TRUE);
    line_up(d);
    if (d->n == 0)
        die("no audio that can be decoded in %s", dir);
}

void dataset_release(struct dataset *d)
{
    for (int i = 0; i < d->n; i++) {
        g_free(d->clip[i].path);
        g_free(d->clip[i].pcm);
    }
    free(d->clip);
    memset(d, 0, sizeof(*d));
}

/* Which group each clip belongs to: groups are folders, or files when there is one
 * folder only. Clips are in order of name, so a folder's files are neighbours. */
static int group(const struct dataset *d, int *of)
{
    int groups = 0;
    char *last = NULL;

    for (int i = 0; i < d->n; i++) {
        char *folder = g_path_get_dirname(d->clip[i].path);

        if (!last || strcmp(folder, last))
            groups++;
        of[i] = groups - 1;
        g_free(last);
        last = folder;
    }
    g_free(last);
    if (groups > 1)
        return groups;
    for (int i = 0; i < d->n; i++)
        of[i] = i;
    return d->n;
}

void dataset_split(struct dataset *d, struct dataset *part, double share,
                   struct rng *rng)
{
    int *of = zeroed(sizeof(int) * d->n), groups = group(d, of), left = groups;
    char *taken = zeroed(groups);
    long moved = 0;
    int n = 0;

    if (groups < 2)
        die("one file is not enough to train and to check on; give --valid_dir");
    while (left > 1 && moved < share * d->total) {
        int g = (int)rng_below(rng, groups);

        if (taken[g])
            continue;
        taken[g] = 1;
        left--;
        for (int i = 0; i < d->n; i++)
            moved += of[i] == g ? d->clip[i].n : 0;
    }
    memset(part, 0, sizeof(*part));
    part->clip = zeroed(sizeof(*part->clip) * d->n);
    for (int i = 0; i < d->n; i++)
        if (taken[of[i]])
            part->clip[part->n++] = d->clip[i];
        else
            d->clip[n++] = d->clip[i];
    d->n = n;
    line_up(d);
    line_up(part);
    free(of);
    free(taken);
}

void dataset_read(const struct dataset *d, float *to, long at, long n)
{
    int a = 0, b = d->n - 1;

    while (n > 0 && at < 0) {
        *to++ = 0.0f;
        at++;
        n--;
    }
    while (a < b) {            /* the last clip that begins at or before `at` */
        int mid = (a + b + 1) / 2;

        if (d->clip[mid].at <= at)
            a = mid;
        else
            b = mid - 1;
    }
    for (; n > 0 && a < d->n; a++) {
        const struct clip *c = &d->clip[a];
        long from = at - c->at, m = c->n - from < n ? c->n - from : n;

        if (m <= 0)
            continue;
        memcpy(to, c->pcm + from, sizeof(float) * m);
        to += m;
        at += m;
        n -= m;
    }
    if (n > 0)
        memset(to, 0, sizeof(float) * n);
}
