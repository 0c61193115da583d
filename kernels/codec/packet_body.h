/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packet_body.h - definitions of packet.h, for host and device (host_device.h). */
#ifndef TELU_PACKET_BODY_H
#define TELU_PACKET_BODY_H

#include "packet.h"

#include "dequantise.h"
#include "noise.h"

#include <string.h>

#define BASE_BITS   1          /* before the codes of a base-only packet */
#define STAGES_BITS 5
#define SHAPE_BITS  2
#define HEADER_BITS (BASE_BITS + STAGES_BITS + SHAPE_BITS)
#define STEP_BITS   7

/* --- Bits, from the most significant of the first byte -------------------- */

struct packet_bits {
    uint8_t *out;
    const uint8_t *in;
    size_t at;
};

/* Number of `count` bits that fit into the current byte. */
TELU_STATIC int bits_into_byte(const struct packet_bits *b, int count)
{
    int left = 8 - (int)(b->at & 7);

    return count < left ? count : left;
}

/* Writes v < 2^count. */
TELU_STATIC void packet_put_bits(struct packet_bits *b, uint32_t v, int count)
{
    while (count > 0) {
        int n = bits_into_byte(b, count);

        count -= n;
        b->out[b->at >> 3] |= (v >> count & ((1u << n) - 1)) << (8 - n - (b->at & 7));
        b->at += n;
    }
}

TELU_STATIC uint32_t packet_get_bits(struct packet_bits *b, int count)
{
    uint32_t v = 0;

    while (count > 0) {
        int n = bits_into_byte(b, count);

        v = v << n | (b->in[b->at >> 3] >> (8 - n - (b->at & 7)) & ((1u << n) - 1));
        b->at += n;
        count -= n;
    }
    return v;
}

/* --- Sizes ---------------------------------------------------------------- */

/* Number of whole codes, of `stages`, in `bits` bits, and of bits left for a prefix. */
TELU_STATIC void packet_split_bits(int bits, int stages, int n, int *codes, int *prefix_bits)
{
    *codes = bits / n < stages ? bits / n : stages;
    *prefix_bits = *codes < stages ? bits - *codes * n : 0;
}

TELU_PUBLIC void telu_packet_capacity(int bytes, int stages, int n, int *codes, int *prefix_bits)
{
    packet_split_bits(8 * bytes - BASE_BITS, stages, n, codes, prefix_bits);
}

TELU_PUBLIC int telu_packet_header_bytes(int S, int n)
{
    return (HEADER_BITS + S * n + STEP_BITS + 7) / 8;
}

TELU_PUBLIC int telu_packet_levels_header(int S, int stages, int n, int *prefix_bits)
{
    int bits = HEADER_BITS + S * n, left = -bits & 7;

    *prefix_bits = S == stages ? 0 : left < n - 1 ? left : n - 1;
    return (bits + 7) / 8;
}

/* --- Writing -------------------------------------------------------------- */

TELU_PUBLIC void telu_packet_put_base(uint8_t *out, int bytes, const struct telu_layers *l, int n)
{
    struct packet_bits b = { out, NULL, 0 };

    if (TELU_LANE != 0)
        return;
    memset(out, 0, (size_t)bytes);
    packet_put_bits(&b, 0, BASE_BITS);
    for (int s = 0; s < l->stages; s++)
        packet_put_bits(&b, (uint32_t)l->codes[s], n);
    packet_put_bits(&b, (uint32_t)l->prefix, l->prefix_bits);
}

/* Writes all before the range coder's first byte, `head` bytes, and clears one more. last: the step
 * or the prefix, of last_bits bits. */
TELU_STATIC void packet_put_header(uint8_t *out, size_t head, const struct telu_layers *l, int n,
                                   int shape, int last, int last_bits)
{
    struct packet_bits b = { out, NULL, 0 };

    if (TELU_LANE != 0)
        return;
    memset(out, 0, head + 1);
    packet_put_bits(&b, 1, BASE_BITS);
    packet_put_bits(&b, (uint32_t)l->stages, STAGES_BITS);
    packet_put_bits(&b, (uint32_t)shape, SHAPE_BITS);
    for (int s = 0; s < l->stages; s++)
        packet_put_bits(&b, (uint32_t)l->codes[s], n);
    packet_put_bits(&b, (uint32_t)last, last_bits);
}

/* Bytes that a packet may have: those asked for, if any, and not more than cap. */
TELU_STATIC size_t packet_limit(size_t cap, int bytes)
{
    return bytes > 0 && (size_t)bytes < cap ? (size_t)bytes : cap;
}

/* Ends a packet of `head` bytes and those of the coder, and pads it. Returns its length, or 0. */
TELU_STATIC size_t packet_finish(uint8_t *out, size_t cap, int bytes, size_t head,
                                 struct telu_range_enc *e)
{
    size_t size = telu_range_finish(e);

    if (e->overflow)
        return 0;

    /* At least one byte follows, or the packet would mean its base layer alone. */
    size += size == 0;
    size += head;
    if (bytes > 0 && size < cap) {
        if (TELU_LANE == 0)
            memset(out + size, 0, cap - size);
        size = cap;
    }
    return size;
}

TELU_PUBLIC size_t telu_packet_put_levels(uint8_t *out, size_t cap, int bytes,
                                          const struct telu_layers *l,
                                          const struct telu_tables *t, int stages, int n)
{
    struct telu_range_enc e;
    int prefix_bits;
    size_t head = (size_t)telu_packet_levels_header(l->stages, stages, n, &prefix_bits);

    cap = packet_limit(cap, bytes);
    if (cap <= head)
        return 0;

    packet_put_header(out, head, l, n, TELU_SHAPE_LEVELS, l->prefix, prefix_bits);
    telu_range_enc_init(&e, out + head, cap - head);
    telu_level_put(&e, l->level, NULL, l->stages, t);
    return packet_finish(out, cap, bytes, head, &e);
}

TELU_PUBLIC size_t telu_packet_put(uint8_t *out, size_t cap, int bytes,
                       const struct telu_layers *l, const struct telu_bands *p,
                       const struct telu_tables *t, int n)
{
    size_t head = (size_t)telu_packet_header_bytes(l->stages, n);
    struct telu_range_enc e;

    cap = packet_limit(cap, bytes);
    if (cap <= head)
        return 0;

    packet_put_header(out, head, l, n, l->shape, l->step, STEP_BITS);
    telu_range_enc_init(&e, out + head, cap - head);
    telu_refine_put(&e, l->q, p, t);
    if (l->leveled)
        telu_level_put(&e, l->level, l->q, l->stages, t);
    return packet_finish(out, cap, bytes, head, &e);
}

/* --- Reading -------------------------------------------------------------- */

TELU_PUBLIC int telu_packet_peek(struct telu_packet_header *h, const uint8_t *in, size_t size,
                     int stages, int n)
{
    struct packet_bits b = { NULL, in, 0 };
    int head, length = size < TELU_MAX_PACKET ? (int)size : TELU_MAX_PACKET;

    if (size == 0)
        return -1;
    h->base = 1;
    h->shape = h->header_bytes = h->leveled = 0;
    h->refined = (int)packet_get_bits(&b, BASE_BITS);
    if (!h->refined) {
        telu_packet_capacity(length, stages, n, &h->stages, &h->prefix_bits);
        return 0;
    }

    h->stages = (int)packet_get_bits(&b, STAGES_BITS);
    if (h->stages > stages)
        return -1;
    h->base = h->stages > 0;
    h->shape = (int)packet_get_bits(&b, SHAPE_BITS);
    h->prefix_bits = 0;
    h->refined = h->shape != TELU_SHAPE_LEVELS;
    head = h->refined ? telu_packet_header_bytes(h->stages, n)
                      : telu_packet_levels_header(h->stages, stages, n, &h->prefix_bits);
    if (length > head) {
        h->leveled = h->refined ? telu_packet_leveled(h->shape, h->stages) : h->stages > 0;
        h->header_bytes = head;
        return 0;
    }

    /* The packet was cut: all or part of the base layer is there. */
    h->refined = 0;
    packet_split_bits(8 * length - HEADER_BITS, h->stages, n, &h->stages, &h->prefix_bits);
    return 0;
}

/* Sets l from header y and from the codes and prefix read from b. */
TELU_STATIC void packet_get_codes(struct telu_layers *l, const struct telu_packet_header *y,
                                  struct packet_bits *b, int n)
{
    uint32_t code;

    for (int s = 0; s < y->stages; s++) {
        code = packet_get_bits(b, n);
        if (TELU_LANE == 0)
            l->codes[s] = (int)code;
    }
    code = packet_get_bits(b, y->prefix_bits);
    if (TELU_LANE == 0) {
        l->refined = y->refined;
        l->leveled = y->leveled;
        l->stages = y->stages;
        l->shape = y->shape;
        l->prefix_bits = y->prefix_bits;
        l->prefix = (int)code;
        l->step = 0;
    }
    TELU_SYNC_LANES();
}

TELU_PUBLIC int telu_packet_get(struct telu_layers *l, struct telu_bands *bands,
                    const uint8_t *in, size_t size, const struct telu_tables *t,
                    int stages, int n)
{
    struct packet_bits b = { NULL, in, 0 };
    struct telu_packet_header y;
    struct telu_range_dec d;
    int step;

    if (telu_packet_peek(&y, in, size, stages, n))
        return -1;
    b.at = in[0] >> 7 ? HEADER_BITS : BASE_BITS;
    packet_get_codes(l, &y, &b, n);
    if (!y.header_bytes)
        return 0;

    telu_range_dec_init(&d, in + y.header_bytes, size - (size_t)y.header_bytes);
    if (y.refined) {
        step = (int)packet_get_bits(&b, STEP_BITS);
        if (TELU_LANE == 0)
            l->step = step;
        telu_bands_envelope(bands, t, l->codes, y.stages);
        telu_bands_step(bands, t, step, y.shape);
        if (telu_refine_get(&d, l->q, bands, t))
            return -1;
    }
    if (y.leveled)
        telu_level_get(&d, l->level, y.refined ? l->q : NULL, y.stages, t);
    return telu_range_ended(&d) ? 0 : -1;
}

/* --- Dequantisation ------------------------------------------------------- */

TELU_PUBLIC void telu_dequantise_plain(float *y, const struct telu_layers *l,
                                       const struct telu_bands *bands,
                                       const struct telu_tables *t, const float *base)
{
    if (l->refined) {
        telu_dequantise_refined(y, l->q, bands, t, base, l->shape);
    } else {
        uint32_t u = telu_refine_seed(l->codes, l->stages);

        telu_dequantise_base(y, base, telu_noise(u) + (uint32_t)l->prefix);
    }
}

TELU_PUBLIC void telu_dequantise_packet(float *y, const struct telu_layers *l,
                                        const struct telu_bands *bands,
                                        const struct telu_tables *t, const float *base)
{
    telu_dequantise_plain(y, l, bands, t, base);
    if (l->leveled)
        telu_level_apply(y, l->level, l->refined ? l->q : NULL);
}

#undef BASE_BITS
#undef HEADER_BITS
#undef STAGES_BITS
#undef SHAPE_BITS
#undef STEP_BITS

#endif
