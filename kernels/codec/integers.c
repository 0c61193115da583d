/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* integers.c - weights as the integers that layers multiply: made from floats, and turned back. */
#include "weights.h"

#include "error.h"
#include "linear.h"
#include "linear8.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN 16               /* of each blob: integers and scales are written in place */

static size_t padded(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Returns the bytes of all blobs, and with data gives each its place there. */
static size_t place_blobs(struct telu_weights *w, char *data)
{
    size_t used = 0;

    for (int i = 0; i < w->count; i++) {
        const size_t bytes = telu_tensor_bytes(&w->tensor[i]);

        if (data)
            w->blob[i] = (struct telu_blob){ data + used, bytes };
        used += padded(bytes);
    }
    return used;
}

/* Makes room for the tensors of integers that follow from to's config. */
static int make_room(struct telu_weights *to)
{
    to->tensor = telu_tensor_list_of(to->version, &to->cfg, &to->post, &to->count);
    if (!to->tensor)
        return -1;
    to->own = telu_tensor_count_of(to->version, &to->cfg, NULL);
    to->blob = calloc(to->count, sizeof(*to->blob));
    to->data = malloc(place_blobs(to, NULL));
    if (!to->blob || !to->data)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for %d tensors", to->count);
    place_blobs(to, to->data);
    return 0;
}

/* Quantises a matrix through aligned memory, which files do not promise. */
static int quantise(const struct telu_blob *q, const struct telu_blob *s,
                    const struct telu_tensor *t, const struct telu_blob *matrix)
{
    uint16_t *aligned = malloc(matrix->bytes);

    if (!aligned)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for tensor %s", t->name);
    memcpy(aligned, matrix->data, matrix->bytes);
    telu_linear8_integers((int8_t *)q->data, (float *)s->data, aligned, t->shape[1], t->shape[0]);
    free(aligned);
    return 0;
}

static int fill(struct telu_weights *to, const struct telu_weights *w)
{
    for (int i = 0, k = 0; i < w->count; i++, k++) {
        const struct telu_tensor *t = &w->tensor[i];

        if (t->dtype != TELU_BF16) {
            memcpy((char *)to->blob[k].data, w->blob[i].data, w->blob[i].bytes);
            continue;
        }
        if (quantise(&to->blob[k], &to->blob[k + 1], t, &w->blob[i]))
            return -1;
        k++;
    }
    return 0;
}

int telu_weights_pack(struct telu_weights *to, const struct telu_weights *w)
{
    memset(to, 0, sizeof(*to));
    if (w->version != TELU_WEIGHTS_FLOATS)
        return telu_fail("the weights are integers already (version %d), expected floats "
                         "(version %d)", w->version, TELU_WEIGHTS_FLOATS);
    to->version = TELU_WEIGHTS_INTEGERS;
    to->cfg = w->cfg;
    to->post = w->post;
    memcpy(to->id, w->id, sizeof(to->id));
    memcpy(to->post_id, w->post_id, sizeof(to->post_id));
    if (make_room(to) || fill(to, w)) {
        telu_weights_close(to);
        return -1;
    }
    telu_weights_sum(to, to->sum);
    return 0;
}

/* --- Back to floats ------------------------------------------------------ */

static float from_integer(const struct telu_blob *q, const struct telu_blob *s, size_t inputs,
                          size_t i)
{
    float scale;

    memcpy(&scale, (const char *)s->data + i / inputs * sizeof(scale), sizeof(scale));
    return (float)((const int8_t *)q->data)[i] * scale;
}

static float from_half(const struct telu_blob *matrix, size_t i)
{
    uint16_t half;

    memcpy(&half, (const char *)matrix->data + i * sizeof(half), sizeof(half));
    return telu_from_bf16(half);
}

int telu_weights_floats(const struct telu_weights *w, const char *name, float *to, size_t count)
{
    const int k = telu_tensor_find(w->tensor, w->count, name);
    const struct telu_tensor *t;
    size_t n;

    if (k < 0)
        return telu_fail("there is no tensor %s, expected it among the weights", name);
    t = &w->tensor[k];
    n = (size_t)t->shape[0] * t->shape[1] * t->shape[2];
    if (n != count)
        return telu_fail("tensor %s has %zu numbers, expected %zu", name, n, count);
    if (t->dtype == TELU_F32)
        memcpy(to, w->blob[k].data, n * sizeof(*to));
    else if (t->dtype != TELU_BF16 && t->dtype != TELU_I8)
        return telu_fail("tensor %s is %s, expected floats", name, telu_dtype_name(t->dtype));
    else
        for (size_t i = 0; i < n; i++)
            to[i] = t->dtype == TELU_I8 ?
                    from_integer(&w->blob[k], &w->blob[k + 1], (size_t)t->shape[1], i) :
                    from_half(&w->blob[k], i);
    return 0;
}
