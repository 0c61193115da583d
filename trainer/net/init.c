/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* init.c - see init.h. init_load() reads the tensors from the file, because an open model
 * holds packed matrices. */
#include "init.h"

#include "linear.h"
#include "memory.h"
#include "weights.h"

#include <glib.h>

#include <stdlib.h>
#include <string.h>

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

static void convert(float *to, const char *from, const struct telu_tensor *t, size_t n)
{
    uint16_t half;

    if (t->dtype == TELU_F32)
        memcpy(to, from, sizeof(float) * n);
    else
        for (size_t i = 0; i < n; i++) {
            memcpy(&half, from + 2 * i, 2);
            to[i] = telu_from_bf16(half);
        }
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
    for (int i = 0; i < m->p->count; i++) {
        struct param *e = &m->p->all[i];

        if (w.own != m->p->count || w.blob[i].bytes != telu_tensor_bytes(&e->t))
            die("%s: its network has other sizes", path);
        if (e->t.kind != TELU_TABLE)
            convert(e->w, w.blob[i].data, &e->t, e->n);
    }
    warm_means(m->vq, rows);
    telu_weights_close(&w);
}

int init_postnet(struct params *p, const struct telu_postnet_config *post, const char *path)
{
    struct telu_weights w;
    int same;

    if (telu_weights_open(&w, path))
        die("%s", telu_error());
    same = w.post.blocks == post->blocks && w.post.width == post->width &&
           w.count - w.own == p->count;
    for (int i = 0; same && i < p->count; i++)
        same = w.blob[w.own + i].bytes == telu_tensor_bytes(&p->all[i].t);
    for (int i = 0; same && i < p->count; i++)
        convert(p->all[i].w, w.blob[w.own + i].data, &p->all[i].t, p->all[i].n);
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
