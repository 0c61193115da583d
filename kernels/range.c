/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range.c - see range.h. */
#include "range.h"

#define NARROW (1u << 24)      /* a range below this is widened by a byte */

TELU_CODE void telu_range_enc_init(struct telu_range_enc *e, uint8_t *out, size_t cap)
{
    e->out = out;
    e->n = 0;
    e->cap = cap;
    e->low = 0;
    e->range = 0xffffffffu;
    e->overflow = 0;
}

TELU_PART void emit(struct telu_range_enc *e, uint8_t byte)
{
    if (e->n >= e->cap) {
        e->overflow = 1;
        return;
    }
    if (TELU_LANE == 0)
        e->out[e->n] = byte;
    e->n++;
}

/* low + v; what leaves its 32 bits goes into the bytes already written. It cannot
 * leave the first of them: the whole interval began as [0, 2^32 - 1). */
TELU_PART void add(struct telu_range_enc *e, uint32_t v)
{
    e->low += v;
    if (e->low >= v || e->overflow || TELU_LANE != 0)
        return;
    for (size_t i = e->n; i > 0 && ++e->out[i - 1] == 0; i--)
        ;
}

TELU_CODE void telu_range_put(struct telu_range_enc *e, uint32_t c, uint32_t f, int t)
{
    uint32_t r = e->range >> t;

    add(e, r * c);
    e->range = r * f;
    while (e->range < NARROW) {
        emit(e, (uint8_t)(e->low >> 24));
        e->low <<= 8;
        e->range <<= 8;
    }
}

TELU_CODE void telu_range_put_bits(struct telu_range_enc *e, uint32_t v, int count)
{
    while (count-- > 0)
        telu_range_put(e, (v >> count) & 1, 1, 1);
}

TELU_CODE size_t telu_range_finish(struct telu_range_enc *e)
{
    uint32_t rest = 0xffffffffu;       /* what k bytes leave open */
    int k = 0;

    /* The number in [low, low + range) with the fewest bytes before its zeros; the
     * bytes written so far all stay, see "cut" in FORMAT.md. */
    while (((e->low + (uint64_t)rest) & ~(uint64_t)rest) >=
           (uint64_t)e->low + e->range) {
        rest >>= 8;
        k++;
    }
    add(e, (uint32_t)(((e->low + (uint64_t)rest) & ~(uint64_t)rest) - e->low));
    for (; k > 0; k--) {
        emit(e, (uint8_t)(e->low >> 24));
        e->low <<= 8;
    }
    return e->overflow ? 0 : e->n;
}

TELU_PART uint32_t next_byte(struct telu_range_dec *d)
{
    uint32_t byte = d->at < d->n ? d->in[d->at] : 0;

    d->at++;
    return byte;
}

TELU_CODE void telu_range_dec_init(struct telu_range_dec *d, const uint8_t *in, size_t n)
{
    d->in = in;
    d->n = n;
    d->at = 0;
    d->code = 0;
    d->range = 0xffffffffu;
    for (int i = 0; i < 4; i++)
        d->code = d->code << 8 | next_byte(d);
}

TELU_CODE void telu_range_open(struct telu_range_dec *d, int t)
{
    d->range >>= t;
}

TELU_CODE void telu_range_took(struct telu_range_dec *d, uint32_t c, uint32_t f)
{
    d->code -= d->range * c;
    d->range *= f;
    while (d->range < NARROW) {
        d->code = d->code << 8 | next_byte(d);
        d->range <<= 8;
    }
}

TELU_CODE uint32_t telu_range_get_bits(struct telu_range_dec *d, int count)
{
    uint32_t v = 0;

    while (count-- > 0) {
        uint32_t bit;

        telu_range_open(d, 1);
        bit = (uint32_t)telu_range_above(d, 1);
        telu_range_took(d, bit, 1);
        v = v << 1 | bit;
    }
    return v;
}
