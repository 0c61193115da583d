/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* init.c - see init.h. init_load() reads the tensors from the file, because an open model
 * holds packed matrices. */
#include "init.h"

#include "memory.h"
#include "weights.h"

#include <glib.h>

#include <stdio.h>
#include <stdlib.h>

char *init_find(const char *name)
{
    char *file = g_strdup_printf("%s.safetensors", name);
    char *places[] = { g_strdup(name), g_build_filename(TELU_MODELS_BUILD, file, NULL),
                       g_build_filename(TELU_MODELS_INSTALLED, file, NULL) };
    char *found = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        if (!found && g_file_test(places[i], G_FILE_TEST_IS_REGULAR))
            found = g_strdup(places[i]);
    if (!found)
        die("%s: no such weight file, here or in %s", name, TELU_MODELS_INSTALLED);
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        g_free(places[i]);
    g_free(file);
    return found;
}

struct telu_config init_config(const char *path)
{
    struct telu_model *m = telu_model_open(path);
    struct telu_config cfg;

    if (!m)
        die("%s", telu_error());
    cfg = m->cfg;
    telu_model_close(m);
    return cfg;
}

/* Says that the weights are not those that were trained. */
static void say_rounded(const struct telu_weights *w, const char *path)
{
    if (w->version == TELU_WEIGHTS_INTEGERS)
        printf("%s holds integers of 8 bits and scales: training begins at their products, not at "
               "the floats that they were rounded from\n", path);
}

/* Gives every code the same weight, as if all had been chosen equally often. */
static void warm_means(struct vq *v, int rows)
{
    for (int s = 0; s < v->stages; s++) {
        struct vq_stage *st = &v->s[s];

        for (int c = 0; c < v->codes; c++) {
            st->count[c] = (float)rows / v->codes;
            for (int d = 0; d < st->dim; d++)
                st->total[(size_t)c * st->dim + d] =
                    st->count[c] * st->book->w[(size_t)c * st->dim + d];
        }
    }
    v->ready = (1 << v->stages) - 1;
}

void init_load(struct model *m, const char *path, int rows)
{
    struct telu_weights w;

    if (telu_weights_open(&w, path))
        die("%s", telu_error());
    if (telu_tensor_count(&w.cfg, NULL) != m->p->count)
        die("%s: its network has other sizes", path);
    for (int i = 0; i < m->p->count; i++) {
        struct param *e = &m->p->all[i];

        if (e->t.kind != TELU_TABLE && telu_weights_floats(&w, e->t.name, e->w, e->n))
            die("%s: its network has other sizes: %s", path, telu_error());
    }
    say_rounded(&w, path);
    warm_means(m->vq, rows);
    telu_weights_close(&w);
}

int init_postnet(struct params *p, const struct telu_postnet_config *post, const char *path)
{
    struct telu_weights w;
    int same;

    if (telu_weights_open(&w, path))
        die("%s", telu_error());
    same = w.post.blocks == post->blocks && w.post.width == post->width;
    for (int i = 0; same && i < p->count; i++)
        same = !telu_weights_floats(&w, p->all[i].t.name, p->all[i].w, p->all[i].n);
    telu_weights_close(&w);
    return same ? 0 : -1;
}

int init_has_postnet(const char *path)
{
    struct telu_weights w;
    int has;

    if (telu_weights_open(&w, path))
        die("%s", telu_error());
    has = w.post.blocks > 0;
    telu_weights_close(&w);
    return has;
}
