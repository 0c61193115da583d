/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8_body.h - the loops that the versions of linear8 share: a row in, and a panel out. */
#ifndef TELU_LINEAR8_BODY_H
#define TELU_LINEAR8_BODY_H

#include "linear8_row.h"

#include "target_clones.h"

#define PANEL  TELU_LINEAR8_PANEL

/* Bytes of a panel's row. */
#define PAIR   (2 * PANEL)

/* q: I numbers, and a zero behind an odd number of them. Returns the unit. */
TELU_ALWAYS_INLINE float quantise(int16_t *q, const float *x, int I)
{
    uint32_t largest = 0;

    for (int i = 0; i < I; i++) {
        uint32_t u = linear8_magnitude(x[i]);

        largest = u > largest ? u : largest;
    }
    const struct linear8_scale s = linear8_scale_of(largest);

    for (int i = 0; i < I; i++)
        q[i] = (int16_t)linear8_quantised(x[i], s.most, s.inverse);
    if (I % 2)
        q[I] = 0;
    return s.unit;
}

/* Writes n outputs of a panel from their sums. */
TELU_ALWAYS_INLINE void scale_sums(float *y, const int32_t *sum, float unit, const float *s,
                                   const float *b, int n)
{
    for (int j = 0; j < n; j++)
        y[j] = linear8_output(sum[j], unit, s[j], b ? b[j] : 0.0f);
}

#endif
