/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finish.c - see finish.h. */
#include "finish.h"

#include "evaluate.h"
#include "export.h"
#include "linear.h"
#include "memory.h"
#include "tables.h"
#include "tree.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_FILES 16

static void *copy(const void *from, size_t bytes)
{
    return memcpy(zeroed(bytes), from, bytes);
}

/* The tensor as it stands in a file. Tables are zeros yet. */
static void *stored(const struct param *e)
{
    size_t bytes = telu_tensor_bytes(&e->t);
    uint16_t *half;

    if (e->t.kind == TELU_TABLE)
        return zeroed(bytes);
    if (e->t.dtype == TELU_F32)
        return copy(e->w, bytes);
    half = zeroed(bytes);
    for (size_t i = 0; i < e->n; i++)
        half[i] = telu_to_bf16(e->w[i]);
    return half;
}

/* How often each code was chosen is its weight in the tree. */
static void order_book(const struct model *m, int stage, float *book)
{
    const struct vq *v = m->vq;
    int *order = zeroed(sizeof(int) * v->codes);

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

static void fit_tables(const struct telu_config *cfg, struct telu_blob *blobs,
                       int count, const struct dataset *d)
{
    struct tables_clip *clips = zeroed(sizeof(*clips) * d->n);

    for (int i = 0; i < d->n; i++)
        clips[i] = (struct tables_clip){ d->clip[i].pcm, d->clip[i].n };
    if (tables_fit(cfg, blobs, count, clips, d->n, say, NULL))
        die("%s", telu_error());
    free(clips);
}

void finish(const struct model *m, const struct dataset *train,
            const struct dataset *valid, const char *path)
{
    const struct params *p = m->p;
    struct telu_blob *blobs = zeroed(sizeof(*blobs) * p->count);
    struct telu_model *whole;
    char training[200], id[65];
    int stage = 0;

    for (int i = 0; i < p->count; i++) {
        void *data = stored(&p->all[i]);

        if (p->all[i].t.kind == TELU_CODEBOOK)
            order_book(m, stage++, data);
        blobs[i] = (struct telu_blob){ data, telu_tensor_bytes(&p->all[i].t) };
    }
    fit_tables(&m->cfg, blobs, p->count, train);

    snprintf(training, sizeof(training), "telucodec-train, %d files, %.1f hours",
             train->n, train->total / (3600.0 * TELU_RATE));
    const struct export_text texts[] = { { "training", training } };

    if (export_model(path, &m->cfg, blobs, p->count, texts, 1, id))
        die("%s", telu_error());
    printf("wrote %s, model id %s\n", path, id);

    whole = telu_model_build(&m->cfg, blobs, p->count, id);
    if (!whole)
        die("%s", telu_error());
    printf("whole codec at 16 kbit/s, tuned for SNR: %.2f dB\n",
           evaluate_codec(whole, valid, CHECK_FILES));
    telu_model_close(whole);
    for (int i = 0; i < p->count; i++)
        free((void *)blobs[i].data);
    free(blobs);
}
