/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unquantised.c - see unquantised.h. A layer is known by its packed integers, for which the op gets
 * a pointer, and is computed from the floats of the file. */
#include "unquantised.h"

#include "linear.h"
#include "memory.h"
#include "target_clones.h"

#include <stdlib.h>
#include <string.h>

#define MOST_LAYERS (7 + 3 * 2 * TELU_MAX_BLOCKS)

struct layer {
    const int8_t *packed;
    float *w;                  /* (I, O): outputs lie side by side for the vector unit */
};

struct unquantised {
    struct telu_backend be;    /* first, so that an op finds the rest */
    struct layer layer[MOST_LAYERS];
    int n;
};

TELU_TARGET_CLONES
static void multiply(float *y, const float *x, const float *w, const float *b, int I, int O)
{
    for (int o = 0; o < O; o++)
        y[o] = b ? b[o] : 0.0f;
    for (int i = 0; i < I; i++, w += O)
        for (int o = 0; o < O; o++)
            y[o] += x[i] * w[o];
}

static int linear8(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                   const float *s, const float *b, int R, int I, int O)
{
    const struct unquantised *u = (const struct unquantised *)ctx->be;
    int k = 0;

    (void)s;
    while (k < u->n && u->layer[k].packed != w)
        k++;
    if (k == u->n)
        return -1;
    for (int r = 0; r < R; r++)
        multiply(y + (size_t)r * O, x + (size_t)r * I, u->layer[k].w, b, I, O);
    return 0;
}

static void list(const struct telu_linear8 **to, int *n, const struct telu_linear8 *first,
                 const struct telu_block *block, int blocks, const struct telu_linear8 *last)
{
    to[(*n)++] = first;
    for (int i = 0; i < blocks; i++) {
        to[(*n)++] = &block[i].up;
        to[(*n)++] = &block[i].down;
    }
    to[(*n)++] = last;
}

/* Lists the layers in the order of their tensors. */
static int list_all(const struct telu_linear8 **to, const struct telu_model *m)
{
    int n = 0;

    list(to, &n, &m->enc_in, m->enc, m->cfg.enc_blocks, &m->enc_out);
    list(to, &n, &m->dec_in, m->dec, m->cfg.dec_blocks, &m->dec_value);
    to[n++] = &m->dec_scale;
    if (m->post.blocks)
        list(to, &n, &m->post_in, m->post_block, m->post.blocks, &m->post_out);
    return n;
}

static float *transposed(const struct telu_linear8 *l, const uint8_t *bf16)
{
    float *w = floats((size_t)l->I * l->O);

    for (int o = 0; o < l->O; o++)
        for (int i = 0; i < l->I; i++, bf16 += 2) {
            uint16_t v;

            memcpy(&v, bf16, sizeof(v));
            w[(size_t)i * l->O + o] = telu_from_bf16(v);
        }
    return w;
}

struct unquantised *unquantised_new(const struct telu_model *m, const struct telu_blob *blobs,
                                    int count)
{
    const struct telu_linear8 *layer[MOST_LAYERS];
    struct unquantised *u = zeroed(sizeof(*u));
    int tensors, n = list_all(layer, m);
    struct telu_tensor *t = telu_tensor_list(&m->cfg, m->post.blocks ? &m->post : NULL, &tensors);

    if (!t || tensors != count)
        die("%d tensors of a model, expected %d", count, t ? tensors : -1);
    u->be = *telu_backend_cpu();
    u->be.name = "unquantised";
    u->be.linear8 = linear8;
    for (int i = 0; i < count; i++)
        if (t[i].dtype == TELU_BF16 && u->n < n) {
            u->layer[u->n] = (struct layer){ layer[u->n]->w,
                                             transposed(layer[u->n], blobs[i].data) };
            u->n++;
        }
    free(t);
    return u;
}

const struct telu_backend *unquantised_ops(const struct unquantised *u)
{
    return &u->be;
}

void unquantised_free(struct unquantised *u)
{
    for (int i = 0; i < u->n; i++)
        free(u->layer[i].w);
    free(u);
}
