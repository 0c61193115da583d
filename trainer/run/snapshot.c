/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot.c - see snapshot.h. */
#include "snapshot.h"

#include "linear.h"
#include "memory.h"
#include "tables.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables are zeros until fit_tables(). */
void *snapshot_tensor(const struct param *e)
{
    size_t bytes = telu_tensor_bytes(&e->t);
    void *data = zeroed(bytes);
    uint16_t *half = data;

    if (e->t.kind == TELU_TABLE)
        return data;
    if (e->t.dtype == TELU_F32)
        return memcpy(data, e->w, bytes);
    for (size_t i = 0; i < e->n; i++)
        half[i] = telu_to_bf16(e->w[i]);
    return data;
}

/* Returns 1 when all codes have the weight that init_load() gives them: the book is still that of a
 * weight file, in tree order. */
static int as_loaded(const float *count, int codes)
{
    for (int c = 1; c < codes; c++)
        if (count[c] != count[0])
            return 0;
    return count[0] > 0.0f;
}

/* Orders a codebook; a code's weight in the tree is its number of uses. */
static void order_book(const struct model *m, int stage, float *book)
{
    const struct vq *v = m->vq;
    int *order;

    if (as_loaded(v->s[stage].count, v->codes))
        return;
    order = zeroed(sizeof(int) * v->codes);
    if (tree_order(order, book, v->codes, v->s[stage].dim, v->s[stage].count) ||
        tree_permute(book, v->codes, v->s[stage].dim, order))
        die("%s", telu_error());
    free(order);
}

static void say(void *user, const char *text)
{
    (void)user;
    printf("%s\n", text);
    fflush(stdout);
}

/* Fits the tables; each clip counts as often as in training. */
static int fit_tables(struct snapshot *b, const struct dataset *d, int seconds, int aloud)
{
    struct tables_clip *clips;
    int n = 0, r;

    for (int i = 0; i < d->n; i++)
        n += d->clip[i].times;
    clips = zeroed(sizeof(*clips) * n);
    n = 0;
    for (int i = 0; i < d->n; i++)
        for (int k = 0; k < d->clip[i].times; k++)
            clips[n++] = (struct tables_clip){ d->clip[i].pcm, d->clip[i].n };
    r = tables_fit(&b->cfg, b->blobs, b->count, clips, n, seconds, aloud ? say : NULL, NULL);
    free(clips);
    return r;
}

int snapshot_make(struct snapshot *b, const struct model *m, const struct dataset *d,
                  int seconds, int aloud)
{
    const struct params *p = m->p;
    int stage = 0;

    b->cfg = m->cfg;
    b->post = (struct telu_postnet_config){ 0 };
    b->count = b->own = p->count;
    b->blobs = zeroed(sizeof(*b->blobs) * p->count);
    for (int i = 0; i < p->count; i++) {
        void *data = snapshot_tensor(&p->all[i]);

        if (p->all[i].t.kind == TELU_CODEBOOK)
            order_book(m, stage++, data);
        b->blobs[i] = (struct telu_blob){ data, telu_tensor_bytes(&p->all[i].t) };
    }
    if (!fit_tables(b, d, seconds, aloud))
        return 0;
    snapshot_release(b);
    return -1;
}

int snapshot_keep(struct snapshot *b, const char *path)
{
    struct telu_weights w;

    if (telu_weights_open(&w, path))
        return -1;
    if (w.version != TELU_WEIGHTS_FLOATS) {
        telu_weights_close(&w);
        return 1;
    }
    b->cfg = w.cfg;
    b->post = (struct telu_postnet_config){ 0 };
    b->count = b->own = w.own;
    b->blobs = zeroed(sizeof(*b->blobs) * w.own);
    for (int i = 0; i < w.own; i++) {
        void *data = zeroed(w.blob[i].bytes);

        memcpy(data, w.blob[i].data, w.blob[i].bytes);
        b->blobs[i] = (struct telu_blob){ data, w.blob[i].bytes };
    }
    telu_weights_close(&w);
    return 0;
}

void snapshot_release(struct snapshot *b)
{
    for (int i = 0; i < b->count; i++)
        free((void *)b->blobs[i].data);
    free(b->blobs);
}

struct telu_model *snapshot_model(const struct snapshot *b, const char *id)
{
    struct telu_model *m = telu_model_build_post(&b->cfg, &b->post, b->blobs, b->count, id);

    if (!m)
        die("%s", telu_error());
    return m;
}
