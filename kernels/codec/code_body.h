/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* code_body.h - definitions of code.h, for host and device (host_device.h). */
#ifndef TELU_CODE_BODY_H
#define TELU_CODE_BODY_H

#include "code.h"

TELU_PUBLIC uint32_t telu_code_cost(const int *codes, int S, const struct telu_tables *t)
{
    uint32_t cost = 0;

    for (int s = TELU_LANE; s < S; s += TELU_LANES)
        cost += telu_frequency_cost(t->code[(size_t)telu_code_row(t, s, codes[0]) * t->codes +
                                            codes[s]]);
    return telu_lanes_sum(cost);
}

TELU_PUBLIC void telu_code_put(struct telu_range_enc *e, const int *codes, int S,
                               const struct telu_tables *t)
{
    TELU_ROLLED
    for (int s = 0; s < S; s++) {
        const uint16_t *cumul = t->code_cumul + (size_t)telu_code_row(t, s, codes[0]) *
                                (t->codes + 1) + codes[s];

        telu_range_put(e, cumul[0], (uint32_t)cumul[1] - cumul[0], TELU_RANGE_BITS);
    }
}

TELU_PUBLIC int telu_code_get(struct telu_range_dec *d, int *codes, int S,
                              const struct telu_tables *t)
{
    int first = 0;

    TELU_ROLLED
    for (int s = 0; s < S; s++) {
        const uint16_t *cumul = t->code_cumul + (size_t)telu_code_row(t, s, first) *
                                (t->codes + 1);
        int v = 0, end = t->codes;

        telu_range_begin(d, TELU_RANGE_BITS);
        while (end - v > 1) {
            int middle = (v + end) / 2;

            if (telu_range_above(d, cumul[middle]))
                v = middle;
            else
                end = middle;
        }
        if (!telu_range_certain(d, cumul[end], TELU_RANGE_BITS))
            return s;
        telu_range_consume(d, cumul[v], (uint32_t)cumul[end] - cumul[v]);
        first = s == 0 ? v : first;
        if (codes && TELU_LANE == 0)
            codes[s] = v;
    }
    TELU_SYNC_LANES();
    return S;
}

#endif
