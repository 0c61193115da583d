/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range_body.h - definitions of range.h, for host and device (host_device.h). */
#ifndef TELU_RANGE_BODY_H
#define TELU_RANGE_BODY_H

#include "range.h"

#define MIN_RANGE (1u << 24)   /* the coder shifts a smaller range by a byte */

TELU_PUBLIC void telu_range_enc_init(struct telu_range_enc *e, uint8_t *out, size_t cap)
{
    e->out = out;
    e->n = 0;
    e->cap = cap;
    e->low = 0;
    e->range = 0xffffffffu;
    e->pending = 0;
    e->overflow = 0;
}

/* Writes the pending bits to out and adds the carry above them to the bytes before. The carry
 * never passes the first byte: the interval began as [0, 2^32 - 1). */
TELU_STATIC void range_flush(struct telu_range_enc *e)
{
    uint32_t v = (uint32_t)(e->low >> 32);
    int bits = e->pending;

    e->low &= 0xffffffffu;
    e->pending = 0;
    if (e->overflow || (size_t)(bits >> 3) > e->cap - e->n) {
        e->overflow = 1;
        return;
    }
    if (TELU_LANE == 0) {
        if (v >> bits)
            for (size_t i = e->n; i > 0 && ++e->out[i - 1] == 0; i--)
                ;
        for (int at = 0; at < bits; at += 8)
            e->out[e->n + (at >> 3)] = (uint8_t)(v >> (bits - 8 - at));
    }
    e->n += (size_t)(bits >> 3);
}

/* Makes 8 or 16 more bits pending, and keeps one bit above them for the carry. */
TELU_STATIC void range_shift(struct telu_range_enc *e, int bits)
{
    if (e->pending + bits > 24)
        range_flush(e);
    e->low <<= bits;
    e->pending += bits;
}

TELU_PUBLIC void telu_range_put(struct telu_range_enc *e, uint32_t c, uint32_t f, int t)
{
    uint32_t r = e->range >> t;

    e->low += r * c;
    e->range = r * f;
    if (e->range < MIN_RANGE) {
        int bits = telu_leading_zeros(e->range) & ~7;

        range_shift(e, bits);
        e->range <<= bits;
    }
}

TELU_PUBLIC void telu_range_put_bits(struct telu_range_enc *e, uint32_t v, int count)
{
    while (count-- > 0)
        telu_range_put(e, (v >> count) & 1, 1, 1);
}

TELU_PUBLIC size_t telu_range_finish(struct telu_range_enc *e)
{
    uint64_t low = e->low & 0xffffffffu;
    uint32_t rest = 0xffffffffu;       /* bits below the first k bytes */
    int k = 0;

    /* Finds the number in [low, low + range) with the fewest bytes before its zeros. All bytes
     * written so far stay, see "cut" in FORMAT.md. */
    while (((low + rest) & ~(uint64_t)rest) >= low + e->range) {
        rest >>= 8;
        k++;
    }
    e->low += ((low + rest) & ~(uint64_t)rest) - low;
    for (; k > 0; k--)
        range_shift(e, 8);
    range_flush(e);
    return e->overflow ? 0 : e->n;
}

TELU_STATIC uint32_t range_next_byte(struct telu_range_dec *d)
{
    uint32_t byte = d->at < d->n ? d->in[d->at] : 0;

    d->at++;
    return byte;
}

TELU_PUBLIC void telu_range_dec_init(struct telu_range_dec *d, const uint8_t *in, size_t n)
{
    d->in = in;
    d->n = n;
    d->at = 0;
    d->code = 0;
    d->range = 0xffffffffu;
    for (int i = 0; i < 4; i++)
        d->code = d->code << 8 | range_next_byte(d);
}

TELU_PUBLIC void telu_range_begin(struct telu_range_dec *d, int t)
{
    d->range >>= t;
}

TELU_PUBLIC void telu_range_consume(struct telu_range_dec *d, uint32_t c, uint32_t f)
{
    d->code -= d->range * c;
    d->range *= f;
    while (d->range < MIN_RANGE) {
        d->code = d->code << 8 | range_next_byte(d);
        d->range <<= 8;
    }
}

TELU_PUBLIC uint32_t telu_range_get_bits(struct telu_range_dec *d, int count)
{
    uint32_t v = 0;

    while (count-- > 0) {
        uint32_t bit;

        telu_range_begin(d, 1);
        bit = (uint32_t)telu_range_above(d, 1);
        telu_range_consume(d, bit, 1);
        v = v << 1 | bit;
    }
    return v;
}

TELU_PUBLIC int telu_range_certain(const struct telu_range_dec *d, uint32_t c, int t)
{
    size_t missing = d->at > d->n ? d->at - d->n : 0;
    uint32_t open = missing >= 4 ? 0xffffffffu : (1u << 8 * missing) - 1;

    return missing == 0 || c == 1u << t || (uint64_t)d->code + open < (uint64_t)d->range * c;
}

TELU_PUBLIC int telu_range_ended(const struct telu_range_dec *d)
{
    for (size_t i = d->at; i < d->n; i++)
        if (d->in[i])
            return 0;
    return 1;
}

#undef MIN_RANGE

#endif
