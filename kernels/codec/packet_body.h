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

TELU_PUBLIC void telu_packet_capacity(int bytes, int stages, int n, int *codes, int *prefix_bits)
{
    int bits = 8 * bytes - BASE_BITS;

    *codes = bits / n < stages ? bits / n : stages;
    *prefix_bits = *codes < stages ? bits - *codes * n : 0;
}

TELU_PUBLIC float telu_packet_header_bytes(const int *codes, int S, int refined,
                                           const struct telu_tables *t)
{
    int bits = HEADER_BITS + (refined ? STEP_BITS : 0);

    return ((float)bits + (float)telu_code_cost(codes, S, t) / 64.0f) / 8.0f;
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

/* Writes the byte before the range coder's and begins with its codes. */
TELU_STATIC void packet_put_header(struct telu_range_enc *e, uint8_t *out, size_t cap,
                                   const struct telu_layers *l, int shape,
                                   const struct telu_tables *t)
{
    struct packet_bits b = { out, NULL, 0 };

    if (TELU_LANE == 0) {
        out[0] = 0;
        packet_put_bits(&b, 1, BASE_BITS);
        packet_put_bits(&b, (uint32_t)l->stages, STAGES_BITS);
        packet_put_bits(&b, (uint32_t)shape, SHAPE_BITS);
    }
    telu_range_enc_init(e, out + 1, cap - 1);
    telu_code_put(e, l->codes, l->stages, t);
}

/* Bytes that a packet may have: those asked for, if any, and not more than cap. */
TELU_STATIC size_t packet_limit(size_t cap, int bytes)
{
    return bytes > 0 && (size_t)bytes < cap ? (size_t)bytes : cap;
}

/* Reads what stands before the coefficients and levels: up to S codes and, when refined, the step.
 * codes, step: NULL to look only. Returns the number of codes; sets *whole to 0 when the packet was
 * cut before the end of them. */
TELU_STATIC int packet_get_header(struct telu_range_dec *d, int *codes, int *step, int *whole,
                                  int S, int refined, const struct telu_tables *t)
{
    const uint32_t last = (1u << STEP_BITS) - 1;
    int there = telu_code_get(d, codes, S, t);
    uint32_t v;

    *whole = there == S;
    if (!*whole || !refined)
        return there;
    telu_range_begin(d, STEP_BITS);
    v = d->code / d->range;
    v = v < last ? v : last;
    *whole = telu_range_certain(d, v + 1, STEP_BITS);
    telu_range_consume(d, v, 1);
    if (step)
        *step = (int)v;
    return there;
}

/* Not inlined on the device: its caller has few registers left. */
TELU_NOINLINE int telu_packet_whole(const uint8_t *packet, size_t size, int S, int refined,
                                    const struct telu_tables *t)
{
    struct telu_range_dec d;
    int whole;

    telu_range_dec_init(&d, packet + 1, size - 1);
    packet_get_header(&d, NULL, NULL, &whole, S, refined, t);
    return whole;
}

/* Ends a packet, keeps as many zero bytes as its codes and step need to be certain, and pads it.
 * Returns its length, or 0. */
TELU_STATIC size_t packet_finish(uint8_t *out, size_t cap, int bytes, const struct telu_layers *l,
                                 int refined, struct telu_range_enc *e,
                                 const struct telu_tables *t)
{
    size_t size = telu_range_finish(e) + 1;

    if (e->overflow)
        return 0;
    TELU_SYNC_LANES();
    for (; !telu_packet_whole(out, size, l->stages, refined, t); size++) {
        if (size >= cap)
            return 0;
        if (TELU_LANE == 0)
            out[size] = 0;
        TELU_SYNC_LANES();
    }
    if (bytes > 0 && size < cap) {
        if (TELU_LANE == 0)
            memset(out + size, 0, cap - size);
        size = cap;
    }
    return size;
}

TELU_PUBLIC size_t telu_packet_put_levels(uint8_t *out, size_t cap, int bytes,
                                          const struct telu_layers *l,
                                          const struct telu_tables *t)
{
    struct telu_range_enc e;

    cap = packet_limit(cap, bytes);
    if (cap <= 1)
        return 0;

    packet_put_header(&e, out, cap, l, TELU_SHAPE_LEVELS, t);
    if (l->stages > 0)
        telu_level_put(&e, l->level, NULL, l->stages, t);
    return packet_finish(out, cap, bytes, l, 0, &e, t);
}

TELU_PUBLIC size_t telu_packet_put(uint8_t *out, size_t cap, int bytes,
                       const struct telu_layers *l, const struct telu_bands *p,
                       const struct telu_tables *t)
{
    struct telu_range_enc e;

    cap = packet_limit(cap, bytes);
    if (cap <= 1)
        return 0;

    packet_put_header(&e, out, cap, l, l->shape, t);
    telu_range_put(&e, (uint32_t)l->step, 1, STEP_BITS);
    telu_refine_put(&e, l->q, p, t);
    if (l->leveled)
        telu_level_put(&e, l->level, l->q, l->stages, t);
    return packet_finish(out, cap, bytes, l, 1, &e, t);
}

/* --- Reading -------------------------------------------------------------- */

TELU_PUBLIC int telu_packet_peek(struct telu_packet_header *h, const uint8_t *in, size_t size,
                     int stages, int n)
{
    struct packet_bits b = { NULL, in, 0 };
    int length = size < TELU_MAX_PACKET ? (int)size : TELU_MAX_PACKET;

    if (size == 0)
        return -1;
    h->base = 1;
    h->shape = h->coded = h->leveled = h->prefix_bits = 0;
    h->refined = (int)packet_get_bits(&b, BASE_BITS);
    if (!h->refined) {
        telu_packet_capacity(length, stages, n, &h->stages, &h->prefix_bits);
        return 0;
    }

    h->coded = 1;
    h->stages = (int)packet_get_bits(&b, STAGES_BITS);
    if (h->stages > stages)
        return -1;
    h->base = h->stages > 0;
    h->shape = (int)packet_get_bits(&b, SHAPE_BITS);
    h->refined = h->shape != TELU_SHAPE_LEVELS;
    h->leveled = h->refined ? telu_packet_leveled(h->shape, h->stages) : h->stages > 0;
    return 0;
}

/* Sets l from header y, with S codes and without a prefix. */
TELU_STATIC void packet_set_layers(struct telu_layers *l, const struct telu_packet_header *y, int S,
                                   int whole, int step)
{
    if (TELU_LANE == 0) {
        l->refined = whole && y->refined;
        l->leveled = whole && y->leveled;
        l->cut = !whole && y->leveled;
        l->known = 0;
        l->stages = S;
        l->shape = y->shape;
        l->prefix_bits = l->prefix = 0;
        l->step = whole ? step : 0;
    }
    TELU_SYNC_LANES();
}

/* Reads a base-only packet. */
TELU_STATIC void packet_get_base(struct telu_layers *l, const struct telu_packet_header *y,
                                 const uint8_t *in, int n)
{
    struct packet_bits b = { NULL, in, BASE_BITS };
    uint32_t code;

    packet_set_layers(l, y, y->stages, 1, 0);
    for (int s = 0; s < y->stages; s++) {
        code = packet_get_bits(&b, n);
        if (TELU_LANE == 0)
            l->codes[s] = (int)code;
    }
    code = packet_get_bits(&b, y->prefix_bits);
    if (TELU_LANE == 0) {
        l->prefix_bits = y->prefix_bits;
        l->prefix = (int)code;
    }
    TELU_SYNC_LANES();
}

/* Leaves out of l what was read behind a cut: the levels, and coefficients from `known` on. */
TELU_STATIC void packet_cut(struct telu_layers *l, int known)
{
    const int refined = l->refined && known > 0;

    TELU_SYNC_LANES();                     /* all lanes have read l */
    for (int k = known + TELU_LANE; refined && k < TELU_COEFS; k += TELU_LANES)
        l->q[k] = 0;
    if (TELU_LANE == 0) {
        l->cut = 1;
        l->leveled = 0;
        l->refined = refined;
        l->known = known;
        l->step = refined ? l->step : 0;
    }
    TELU_SYNC_LANES();
}

TELU_PUBLIC int telu_packet_get(struct telu_layers *l, struct telu_bands *bands,
                    const uint8_t *in, size_t size, const struct telu_tables *t,
                    int stages, int n)
{
    struct telu_packet_header y;
    struct telu_range_dec d;
    int S, step = 0, known = 0, whole;

    if (telu_packet_peek(&y, in, size, stages, n))
        return -1;
    if (!y.coded) {
        packet_get_base(l, &y, in, n);
        return 0;
    }

    telu_range_dec_init(&d, in + 1, size - 1);
    S = packet_get_header(&d, l->codes, &step, &whole, y.stages, y.refined, t);
    packet_set_layers(l, &y, S, whole, step);
    if (!whole)
        return 0;

    /* l has it all, and what a device keeps in registers here it would have to save. */
    if (l->refined) {
        telu_bands_envelope(bands, t, l->codes, l->stages);
        telu_bands_step(bands, t, l->step, l->shape);
        known = telu_refine_get(&d, l->q, bands, t);
        if (known < 0)
            return -1;
    }
    if (l->leveled) {
        telu_level_get(&d, l->level, l->refined ? l->q : NULL, l->stages, t);
        if (telu_range_exhausted(&d))
            packet_cut(l, known);
    }
    return telu_range_ended(&d) ? 0 : -1;
}

/* --- Dequantisation ------------------------------------------------------- */

/* State of the noise generator before a packet without refinement. */
TELU_STATIC uint32_t packet_noise(const struct telu_layers *l)
{
    return telu_noise(telu_refine_seed(l->codes, l->stages)) + (uint32_t)l->prefix;
}

TELU_PUBLIC void telu_dequantise_plain(float *y, const struct telu_layers *l,
                                       const struct telu_bands *bands,
                                       const struct telu_tables *t, const float *base)
{
    if (l->refined) {
        telu_dequantise_refined(y, l->q, bands, t, base, l->shape);
    } else {
        telu_dequantise_base(y, 0, base, packet_noise(l));
    }
}

TELU_PUBLIC void telu_dequantise_packet(float *y, const struct telu_layers *l,
                                        const struct telu_bands *bands,
                                        const struct telu_tables *t, const float *base,
                                        struct telu_deficit *p)
{
    if (l->refined)
        telu_dequantise_refined(y, l->q, bands, t, base, l->shape);
    if (!l->refined || l->cut)
        telu_dequantise_base(y, l->known, base, packet_noise(l));
    if (l->leveled) {
        telu_level_apply(y, l->level, l->refined ? l->q : NULL);
        telu_deficit_learn(p, y, base);
    }
    if (l->cut)
        telu_deficit_apply(y, l->known, p);
}

#undef BASE_BITS
#undef HEADER_BITS
#undef STAGES_BITS
#undef SHAPE_BITS
#undef STEP_BITS

#endif
