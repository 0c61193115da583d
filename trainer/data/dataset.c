/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dataset.c - see dataset.h. */
#include "dataset.h"

#include "memory.h"
#include "pcm.h"
#include "telu.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SECONDS 2
#define SILENT 1e-6f           /* peak of silence: -120 dBFS */
#define LOUD 0.999f

/* The folders above the one being searched: a link to one of them would loop. */
struct above {
    const struct above *up;
    GStatBuf is;
};

static int in_circle(const struct above *here)
{
    for (const struct above *a = here->up; a; a = a->up)
        if (a->is.st_dev == here->is.st_dev && a->is.st_ino == here->is.st_ino)
            return 1;
    return 0;
}

static void find(GPtrArray *paths, const char *dir, const struct above *up)
{
    struct above here = { .up = up };
    const char *name;
    GDir *d;

    if (g_stat(dir, &here.is) || in_circle(&here))
        return;
    d = g_dir_open(dir, 0, NULL);
    if (!d) {
        note("skipped %s: cannot look into this folder", dir);
        return;
    }
    while ((name = g_dir_read_name(d))) {
        char *path = g_build_filename(dir, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            find(paths, path, &here);
        else if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            g_ptr_array_add(paths, g_strdup(path));
        else
            note("skipped %s: not a file, or a link to nothing", path);
        g_free(path);
    }
    g_dir_close(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns 1 for a transcript: thousands lie beside recordings, so they are counted, not
 * named. */
static int is_text(const char *path)
{
    static const char *const ends[] = { ".txt", ".json", ".csv", ".tsv", ".md", ".lab",
                                        ".TextGrid", ".xml", ".html", ".pdf", ".srt" };

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        if (g_str_has_suffix(path, ends[i]))
            return 1;
    return 0;
}

static void line_up(struct dataset *d)
{
    d->total = d->samples = 0;
    for (int i = 0; i < d->n; i++) {
        d->clip[i].at = d->total;
        d->samples += d->clip[i].n;
        d->total += d->clip[i].n * d->clip[i].times;
    }
}

static float peak_of(const float *x, gsize n)
{
    float peak = 0.0f;

    for (gsize i = 0; i < n; i++) {
        float a = fabsf(x[i]);

        peak = a > peak ? a : peak;
    }
    return peak;
}

static int load_clip(struct clip *c, const char *path)
{
    GError *error = NULL;
    gsize n;

    c->pcm = pcm_read(path, TELU_RATE, &n, &error);
    if (!c->pcm) {
        note("skipped %s: %s", path, error->message);
        g_error_free(error);
        return -1;
    }
    c->peak = peak_of(c->pcm, n);
    if (c->peak > PCM_ABSURD) {
        note("skipped %s: its samples reach %g, expected 1 at full scale: divide them, they seem "
             "scaled to integers", path, (double)c->peak);
        g_free(c->pcm);
        return -1;
    }
    c->path = g_strdup(path);
    c->n = (long)n;
    c->times = 1;
    return 0;
}

/* Exits on speech that cannot be learned from and warns of poor recordings; the number of files
 * left out comes last. */
static void judge(const struct dataset *d, const char *dir, int texts)
{
    const int all = d->n + d->left_out;
    int clipped = 0;
    long longest = 0;
    float peak = 0.0f;

    for (int i = 0; i < d->n; i++) {
        const struct clip *c = &d->clip[i];
        long loud = 0;

        for (long k = 0; k < c->n; k++)
            loud += fabsf(c->pcm[k]) >= LOUD;
        peak = fmaxf(peak, c->peak);
        clipped += loud * 1000 > c->n;
        longest = c->n > longest ? c->n : longest;
    }
    if (texts)
        note("%d text files in %s passed over", texts, dir);
    if (clipped)
        note("%d of %d files in %s are clipped (over 0.1 %% of their samples at full "
             "scale): used as they are", clipped, d->n, dir);
    if (d->left_out)
        note_loud("%d of %d files in %s, %d %%, were left out, for the reasons above", d->left_out,
                  all, dir, 100 * d->left_out / all);
    if (d->n == 0)
        die("%s: no audio in it that GStreamer can decode", dir);
    if (d->samples < LEAST_SECONDS * TELU_RATE)
        die("%s: only %.1f seconds of speech in %d files, expected %d or more", dir,
            d->samples / (double)TELU_RATE, d->n, LEAST_SECONDS);
    if (longest < TELU_RATE / 2)
        die("%s: every file is shorter than half a second", dir);
    if (peak < SILENT)
        die("%s: nothing but silence in %d files", dir, d->n);
}

void dataset_load(struct dataset *d, const char *dir, const volatile int *stop)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    int texts = 0;

    if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
        die("%s: there is no such folder", dir);
    find(paths, dir, NULL);
    g_ptr_array_sort(paths, by_name);
    memset(d, 0, sizeof(*d));
    d->dir = g_strdup(dir);
    d->clip = zeroed(sizeof(*d->clip) * (paths->len + 1));
    for (guint i = 0; i < paths->len && !*stop; i++)
        if (is_text(paths->pdata[i]))
            texts++;
        else if (load_clip(&d->clip[d->n], paths->pdata[i]))
            d->left_out++;
        else
            d->n++;
    g_ptr_array_free(paths, TRUE);
    line_up(d);
    if (!*stop)
        judge(d, dir, texts);
}

void dataset_release(struct dataset *d)
{
    for (int i = 0; i < d->n; i++) {
        g_free(d->clip[i].path);
        g_free(d->clip[i].pcm);
    }
    free(d->clip);
    g_free(d->dir);
    memset(d, 0, sizeof(*d));
}

int dataset_repeat(struct dataset *d, const char *text)
{
    const char *equals = strrchr(text, '=');
    char *end, *glob;
    GPatternSpec *spec;
    long times = equals ? strtol(equals + 1, &end, 10) : 0;
    int found = 0;

    if (!equals || equals == text || *end || times < 1 || times > 1000)
        return -1;
    glob = g_strndup(text, equals - text);
    spec = g_pattern_spec_new(glob);
    for (int i = 0; i < d->n; i++) {
        char *folder = g_path_get_dirname(d->clip[i].path);
        char *speaker = g_path_get_basename(folder);

        if (g_pattern_spec_match_string(spec, speaker)) {
            d->clip[i].times = (int)times;
            found++;
        }
        g_free(speaker);
        g_free(folder);
    }
    line_up(d);
    g_pattern_spec_free(spec);
    g_free(glob);
    return found;
}

/* Numbers the folder of each clip from 0; returns the number of folders. Clips are in
 * order of name, but a folder's files need not be neighbours (a/x, a/b/y, a/z). */
static int folders(const struct dataset *d, int *of)
{
    GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int n;

    for (int i = 0; i < d->n; i++) {
        char *folder = g_path_get_dirname(d->clip[i].path);
        int number = GPOINTER_TO_INT(g_hash_table_lookup(known, folder));

        if (!number) {
            number = (int)g_hash_table_size(known) + 1;
            g_hash_table_insert(known, g_strdup(folder), GINT_TO_POINTER(number));
        }
        of[i] = number - 1;
        g_free(folder);
    }
    n = (int)g_hash_table_size(known);
    g_hash_table_destroy(known);
    return n;
}

int dataset_speakers(const struct dataset *d)
{
    int *of = zeroed(sizeof(int) * d->n), n = folders(d, of);

    free(of);
    return n;
}

/* Moves the end of a single recording to `part`. */
static void split_clip(struct dataset *d, struct dataset *part, double share)
{
    struct clip *c = &d->clip[0];
    long n = (long)(share * c->n);

    n = n < TELU_RATE ? TELU_RATE : n;
    part->clip = zeroed(sizeof(*part->clip));
    part->n = 1;
    part->clip[0] = (struct clip){ .path = g_strdup(c->path), .n = n, .times = 1,
                                   .pcm = g_memdup2(c->pcm + c->n - n,
                                                    sizeof(float) * n) };
    c->n -= n;
}

void dataset_split(struct dataset *d, struct dataset *part, double share,
                   struct rng *rng)
{
    int *of = zeroed(sizeof(int) * d->n), groups = folders(d, of), left, n = 0;
    char *taken = zeroed(d->n);
    long moved = 0;

    memset(part, 0, sizeof(*part));
    part->dir = g_strdup(d->dir);
    if (groups == 1)
        for (groups = 0; groups < d->n; groups++)
            of[groups] = groups;
    if (groups == 1)
        split_clip(d, part, share);
    for (left = groups; left > 1 && moved < share * d->samples;) {
        int g = (int)rng_below(rng, groups);

        if (taken[g])
            continue;
        taken[g] = 1;
        left--;
        for (int i = 0; i < d->n; i++)
            moved += of[i] == g ? d->clip[i].n : 0;
    }
    if (groups > 1)
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

/* Copies the samples from `from` to the end of that repetition of a clip. Returns their
 * number, at most n. */
static long copy(float *to, const struct clip *c, long from, long n)
{
    long at = from % c->n, m = c->n - at < n ? c->n - at : n;

    memcpy(to, c->pcm + at, sizeof(float) * m);
    return m;
}

void dataset_read(const struct dataset *d, float *to, long at, long n)
{
    int a = 0, b = d->n - 1;

    while (n > 0 && at < 0) {
        *to++ = 0.0f;
        at++;
        n--;
    }
    while (a < b) {            /* finds the last clip that begins at or before `at` */
        int mid = (a + b + 1) / 2;

        if (d->clip[mid].at <= at)
            a = mid;
        else
            b = mid - 1;
    }
    while (n > 0 && at < d->total) {
        const struct clip *c = &d->clip[a];
        long m;

        if (at >= c->at + c->n * c->times) {
            a++;
            continue;
        }
        m = copy(to, c, at - c->at, n);
        to += m;
        at += m;
        n -= m;
    }
    if (n > 0)
        memset(to, 0, sizeof(float) * n);
}
