/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_tensors.h - a weight file in parts, and the edits of its tensors; see fuzz_edits.h. */
#ifndef FUZZ_TENSORS_H
#define FUZZ_TENSORS_H

#include "fuzz.h"
#include "tiny_model.h"

#include <math.h>

#define EDITS_TENSORS 1024
#define EDITS_HEADER  (1 << 17)

struct edits {
    struct telu_weights w;
    int order[EDITS_TENSORS];          /* of the tensors in the file */
    char header[EDITS_HEADER];
    size_t n;                          /* bytes of the header */
    long grow, lie;                    /* bytes of the file, of the header's length */
    int harmful;                       /* an operation that may break the file was there */
};

static inline unsigned edits_take(struct input *in, int bytes)
{
    unsigned u = 0;

    for (int i = 0; i < bytes; i++)
        u |= take_byte(in) << 8 * i;
    return u;
}

/* Tensors are numbered from the first one, and backwards from the last table. */
static inline int edits_tensor(const struct edits *e, struct input *in)
{
    const int i = (int8_t)take_byte(in);

    return i < 0 ? e->w.own - 1 - (-1 - i) % e->w.own : i % e->w.count;
}

static inline size_t edits_size(const struct telu_tensor *t)
{
    return telu_tensor_bytes(t) / ((size_t)t->shape[0] * t->shape[1] * t->shape[2]);
}

static inline void edits_element(struct edits *e, struct input *in, int run)
{
    static const float special[] = { 0, -0.0f, 1, -1, 1e14f, -1e14f, 3e38f, -3e38f, 1e-38f, 1e-45f,
                                     1e7f, 1e-7f, INFINITY, -INFINITY, NAN, 256 };
    static const uint32_t integer[] = { 0, 1, 0x7f7f, 0x8080, 0xffff, 0x7fff, 0x8000, 0x00ff,
                                        2, 3, 16, 17, 127, 253, 254, 255 };
    const int i = edits_tensor(e, in);
    const struct telu_tensor *t = &e->w.tensor[i];
    const size_t size = edits_size(t), n = e->w.blob[i].bytes / size;
    const int floats = t->dtype == TELU_F32 || t->dtype == TELU_BF16;
    size_t at = edits_take(in, 3) % n, count = run ? 8 * (size_t)take_byte(in) + 1 : 1;
    uint32_t value = edits_take(in, run ? 1 : 4);
    uint8_t *to = (uint8_t *)e->w.blob[i].data;

    if (run && floats)
        memcpy(&value, &special[value % 16], sizeof(value));
    else if (run)
        value = integer[value % 16];
    if (t->dtype == TELU_BF16)
        value >>= 16;
    for (; count && at < n; count--, at++)
        memcpy(to + at * size, &value, size);
}

static inline void edits_times(struct edits *e, struct input *in)
{
    const int i = edits_tensor(e, in), by = (int8_t)take_byte(in);
    const struct telu_tensor *t = &e->w.tensor[i];
    const size_t size = edits_size(t);
    uint8_t *to = (uint8_t *)e->w.blob[i].data;

    if (t->dtype != TELU_F32 && t->dtype != TELU_BF16)
        return;
    for (size_t at = 0; at < e->w.blob[i].bytes; at += size) {
        float v = 0;

        memcpy((char *)&v + 4 - size, to + at, size);
        v = ldexpf(v, by);
        memcpy(to + at, (char *)&v + 4 - size, size);
    }
}

static inline void edits_frequency(struct edits *e, struct input *in)
{
    const char *const names[] = { "tab.freq", "tab.level", "tab.code" };
    const int i = telu_tensor_find(e->w.tensor, e->w.count, names[take_byte(in) % 3]);
    const unsigned rows = (unsigned)e->w.tensor[i].shape[0], n = (unsigned)e->w.tensor[i].shape[1];
    const unsigned row = edits_take(in, 2) % rows, from = take_byte(in) % n, to = take_byte(in) % n;
    uint8_t *at = (uint8_t *)e->w.blob[i].data + 2 * (size_t)row * n;
    unsigned by = edits_take(in, 2);
    uint16_t a, b;

    memcpy(&a, at + 2 * from, 2);
    memcpy(&b, at + 2 * to, 2);
    by = from == to ? 0 : by < a ? by : a;
    e->harmful |= by == a;
    a = (uint16_t)(a - by);
    b = (uint16_t)(b + by);
    memcpy(at + 2 * from, &a, 2);
    memcpy(at + 2 * to, from == to ? &a : &b, 2);
}

static inline void edits_exchange(struct edits *e, struct input *in)
{
    const int a = edits_tensor(e, in), b = edits_tensor(e, in), was = e->order[a];

    e->order[a] = e->order[b];
    e->order[b] = was;
}

#endif
