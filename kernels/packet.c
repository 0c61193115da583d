/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packet.c - see packet.h. */
#include "packet.h"

#include <string.h>

#define BASE_BITS  1           /* before the codes */
#define FRONT_BITS 8
#define STEP_BITS  7

/* --- Bits, from the most significant of the first byte -------------------- */

struct bits {
    uint8_t *out;
    const uint8_t *in;
    size_t at;
};

TELU_PART void put_bits(struct bits *b, uint32_t v, int count)
{
    for (; count-- > 0; b->at++)
        b->out[b->at >> 3] |= (v >> count & 1) << (7 - (b->at & 7));
}

TELU_PART uint32_t get_bits(struct bits *b, int count)
{
    uint32_t v = 0;

    for (; count-- > 0; b->at++)
        v = v << 1 | (b->in[b->at >> 3] >> (7 - (b->at & 7)) & 1);
    return v;
}

/* --- Sizes ---------------------------------------------------------------- */

/* Into `bits` bits go so many of `stages` codes, and a prefix of the next. */
TELU_PART void room(int bits, int stages, int n, int *codes, int *prefix_bits)
{
    *codes = bits / n < stages ? bits / n : stages;
    *prefix_bits = *codes < stages ? bits - *codes * n : 0;
}

TELU_CODE void telu_packet_room(int bytes, int stages, int n, int *codes, int *prefix_bits)
{
    room(8 * bytes - BASE_BITS, stages, n, codes, prefix_bits);
}

TELU_CODE int telu_packet_head(int S, int n)
{
    return (FRONT_BITS + S * n + STEP_BITS + 7) / 8;
}

/* --- Writing -------------------------------------------------------------- */

TELU_CODE void telu_packet_put_base(uint8_t *out, int bytes, const struct telu_layers *l, int n)
{
    struct bits b = { out, NULL, 0 };

    memset(out, 0, (size_t)bytes);
    put_bits(&b, 0, BASE_BITS);
    for (int s = 0; s < l->stages; s++)
        put_bits(&b, (uint32_t)l->codes[s], n);
    put_bits(&b, (uint32_t)l->prefix, l->prefix_bits);
}

TELU_CODE size_t telu_packet_put(uint8_t *out, size_t cap, int bytes,
                       const struct telu_layers *l, const struct telu_plan *p,
                       const struct telu_tables *t, int n)
{
    size_t head = (size_t)telu_packet_head(l->stages, n), size;
    struct bits b = { out, NULL, 0 };
    struct telu_range_enc e;

    if (bytes > 0 && (size_t)bytes < cap)
        cap = (size_t)bytes;
    if (cap <= head)
        return 0;

    memset(out, 0, head + 1);
    put_bits(&b, 1, 1);
    put_bits(&b, (uint32_t)l->stages, 5);
    put_bits(&b, (uint32_t)l->shape, 2);
    for (int s = 0; s < l->stages; s++)
        put_bits(&b, (uint32_t)l->codes[s], n);
    put_bits(&b, (uint32_t)l->step, STEP_BITS);

    telu_range_enc_init(&e, out + head, cap - head);
    telu_refine_put(&e, l->q, p, t);
    size = telu_range_finish(&e);
    if (e.overflow)
        return 0;

    /* One byte at least, or the packet would mean its base layer alone. */
    size += size == 0;
    size += head;
    if (bytes > 0 && size < cap) {
        memset(out + size, 0, cap - size);
        size = cap;
    }
    return size;
}

/* --- Reading -------------------------------------------------------------- */

TELU_PART void get_codes(struct bits *b, struct telu_layers *l, int n)
{
    for (int s = 0; s < l->stages; s++)
        l->codes[s] = (int)get_bits(b, n);
    l->prefix = (int)get_bits(b, l->prefix_bits);
}

TELU_CODE int telu_packet_get(struct telu_layers *l, struct telu_plan *plan,
                    const uint8_t *in, size_t size, const struct telu_tables *t,
                    int stages, int n)
{
    struct bits b = { NULL, in, 0 };
    struct telu_range_dec d;
    int S, head, length = size < TELU_MAX_PACKET ? (int)size : TELU_MAX_PACKET;

    if (size == 0)
        return -1;
    l->refined = (int)get_bits(&b, 1);
    l->shape = l->step = 0;
    if (!l->refined) {
        telu_packet_room(length, stages, n, &l->stages, &l->prefix_bits);
        get_codes(&b, l, n);
        return 0;
    }

    S = (int)get_bits(&b, 5);
    if (S > stages)
        return -1;
    l->shape = (int)get_bits(&b, 2);
    head = telu_packet_head(S, n);
    if (length <= head) {              /* cut: the base layer, or a part of it */
        l->refined = 0;
        room(8 * length - FRONT_BITS, S, n, &l->stages, &l->prefix_bits);
        get_codes(&b, l, n);
        return 0;
    }

    l->stages = S;
    l->prefix_bits = 0;
    get_codes(&b, l, n);
    l->step = (int)get_bits(&b, STEP_BITS);
    telu_plan_envelope(plan, t, l->codes, S);
    telu_plan_step(plan, t, l->step, l->shape);
    telu_range_dec_init(&d, in + head, size - (size_t)head);
    return telu_refine_get(&d, l->q, plan, t);
}
