/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range.h - the integer range coder (G. N. N. Martin 1979; carry into the bytes
 * already written, as in Schindler 1998). FORMAT.md has the decoder's arithmetic.
 */
#ifndef TELU_RANGE_H
#define TELU_RANGE_H

#include "host_device.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_RANGE_BITS 15     /* frequencies of a table add up to 2^15 */

/* low holds `pending` bits above its lower 32. They go to out several at a time, so a carry is
 * seldom added to bytes already written. */
struct telu_range_enc {
    uint8_t *out;
    size_t n, cap;             /* bytes in out; capacity */
    uint64_t low;
    uint32_t range;
    int pending;
    int overflow;              /* 1: more than cap bytes were needed */
};

TELU_PUBLIC void telu_range_enc_init(struct telu_range_enc *e, uint8_t *out, size_t cap);

/* Writes symbol [c, c + f) of 2^t; 1 <= f, c + f <= 2^t, t <= 16. */
TELU_PUBLIC void telu_range_put(struct telu_range_enc *e, uint32_t c, uint32_t f, int t);

/* Writes the low `count` bits of v, highest first, 0 and 1 equally likely; count 0 .. 32. */
TELU_PUBLIC void telu_range_put_bits(struct telu_range_enc *e, uint32_t v, int count);

/* Ends with the fewest bytes that decode when zeros follow them. Returns their number, or 0 with
 * e->overflow set. */
TELU_PUBLIC size_t telu_range_finish(struct telu_range_enc *e);

struct telu_range_dec {
    const uint8_t *in;
    size_t n, at;              /* bytes given; bytes read, counting past the end */
    uint32_t code, range;
};

TELU_PUBLIC void telu_range_dec_init(struct telu_range_dec *d, const uint8_t *in, size_t n);

/* Begins a symbol of 2^t, t <= 16. telu_range_above() then tells whether it lies at c or above,
 * 0 <= c < 2^t; telu_range_consume() ends it. */
TELU_PUBLIC void telu_range_begin(struct telu_range_dec *d, int t);
TELU_PUBLIC void telu_range_consume(struct telu_range_dec *d, uint32_t c, uint32_t f);
TELU_PUBLIC uint32_t telu_range_get_bits(struct telu_range_dec *d, int count);

TELU_INLINE int telu_range_above(const struct telu_range_dec *d, uint32_t c)
{
    return d->code >= d->range * c;
}

/* 1 when no bytes behind the data could lift the symbol that was found above its end, cumulative
 * frequency c; nothing lifts the last one, c = 2^t. Call it after telu_range_begin(). */
TELU_PUBLIC int telu_range_certain(const struct telu_range_dec *d, uint32_t c, int t);

/* 1 when only zeros follow, as after the last symbol; other bytes mean damage. */
TELU_PUBLIC int telu_range_ended(const struct telu_range_dec *d);

/* 1 when more than four bytes past the end were read: the data was cut. */
TELU_INLINE int telu_range_exhausted(const struct telu_range_dec *d)
{
    return d->at > d->n + 4;
}

#ifdef __cplusplus
}
#endif
#endif
