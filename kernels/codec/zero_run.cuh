/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* zero_run.cuh - how a warp reads a hop of coefficients, in place of refine.c's own way, which
 * includes this and has the helpers.
 *
 * What a symbol is read with depends on those before it, but most are 0. So each lane finds
 * out how one of the next 32 is read if all before that one are 0; the run of zeros is then
 * no more than a product and a comparison each, and where it ends the lanes begin anew.
 */
#ifndef AHEAD_CUH
#define AHEAD_CUH

/* The magnitude at place i, of which those before k are read and those from there on 0. */
TELU_STATIC int read_before(const int *q, int k, int i)
{
    return i >= 0 && i < k ? abs(q[i]) : 0;
}

/* The symbol of a context, after telu_range_begin(). */
TELU_STATIC int read_symbol(struct telu_range_dec *d, const uint16_t *cumul)
{
    int s = TELU_LANE < TELU_SYMBOLS ? TELU_LANE : TELU_ESCAPE, symbol;
    uint32_t c = cumul[s], f = cumul[s + 1] - c, mine = c | f << 16;

    symbol = telu_lanes_count(TELU_LANE < TELU_ESCAPE && telu_range_above(d, c + f));
    mine = telu_lane_value(mine, symbol);
    telu_range_consume(d, mine & 0xffff, mine >> 16);
    return symbol;
}

TELU_STATIC int read_hop(struct telu_range_dec *d, int *q, const int *q0,
                       const struct telu_bands *p, const struct telu_tables *t)
{
    for (int k = 0; k < TELU_HOP; ) {
        int most = TELU_HOP - k < TELU_LANES ? TELU_HOP - k : TELU_LANES, run = 0, cut;
        int i = k + TELU_LANE < TELU_HOP ? k + TELU_LANE : TELU_HOP - 1, side = 0, shift, at;
        int n = 2 * read_before(q, k, i - 1) + read_before(q, k, i - 2);
        uint32_t zero, next;

        if (q0)
            side = hop_neighbours(q0, i);
        else
            #pragma unroll
            for (int e = 1; e <= 8; e++)
                side += read_before(q, k, i - e);
        at = (rows_of(q0 != NULL, n, side, &shift) * TELU_C_CLASSES +
              p->ctx[band_of[i]]) * (TELU_SYMBOLS + 1);
        zero = shift ? 0 : t->cumul[at + 1];       /* with plain bits behind it is no 0 */
        next = telu_lane_value(zero, 0);
        for (;; run++) {
            uint32_t f = next;

            cut = telu_range_exhausted(d);
            if (cut || run == most)
                break;
            next = telu_lane_value(zero, (run + 1) % TELU_LANES);
            telu_range_begin(d, TELU_RANGE_BITS);
            if (telu_range_above(d, f))
                break;
            telu_range_consume(d, 0, f);
        }
        for (int z = k + TELU_LANE; z < (cut ? TELU_HOP : k + run); z += TELU_LANES)
            q[z] = 0;
        k = cut ? TELU_HOP : k + run;
        if (!cut && run < most) {
            int symbol = read_symbol(d, t->cumul + telu_lane_value(at, run));
            int v = behind(d, symbol, telu_lane_value(shift, run));

            if (v > TELU_MAX_Q)
                return -1;
            if (TELU_LANE == 0)
                q[k] = v;
            k++;
        }
        TELU_SYNC_LANES();
    }
    return 0;
}

#endif
