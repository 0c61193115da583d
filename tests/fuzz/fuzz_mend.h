/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_mend.h - makes check sums of a .tlc file right, so that changes reach what they guard. */
#ifndef FUZZ_MEND_H
#define FUZZ_MEND_H

#include "fuzz.h"
#include "tlc.h"

static inline void fuzz_put_sum(uint8_t *at, uint32_t sum)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(sum >> 8 * i);
}

/* Returns the bytes that header, tags or page at in take. */
static inline size_t fuzz_bytes_of(const uint8_t *in, size_t left)
{
    if (left >= TLC_TAGS_MIN && !memcmp(in, TLC_TAGS_MAGIC, 4))
        return TLC_TAGS_MIN + in[4] + 256u * in[5];
    if (left >= TLC_PAGE_HEAD && memcmp(in, TLC_MAGIC, 4))
        return TLC_PAGE_MIN + in[8] + 256u * in[9];
    return TLC_HEADER_SIZE;
}

/* Makes the check sums of headers, of the tags behind them and of pages right, one after
 * another. */
static inline void fuzz_mend(uint8_t *in, size_t size)
{
    size_t at = 0;

    while ((at = tlc_find(in, size, at)) < size) {
        size_t n = fuzz_bytes_of(in + at, size - at);

        if (n > size - at)
            return;
        fuzz_put_sum(in + at + n - 4, tlc_crc(in + at, n - 4));
        at += n;
        if (size - at >= 4 && !memcmp(in + at, TLC_TAGS_MAGIC, 4)) {
            n = fuzz_bytes_of(in + at, size - at);
            if (n > size - at)
                return;
            fuzz_put_sum(in + at + n - 4, tlc_crc(in + at, n - 4));
            at += n;
        }
    }
}

#endif
