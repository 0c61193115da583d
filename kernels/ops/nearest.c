/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.c - see nearest.h. */
#include "nearest.h"

#include <math.h>

int telu_nearest_c(struct telu_ctx *ctx, int32_t *index, const float *z,
                   const float *book, const float *bias, const int32_t *line, int R, int N,
                   int D)
{
    (void)ctx;
    for (int r = 0; r < R; r++, z += D) {
        const float *begin = telu_nearest_bias(bias, line, r, N);
        float best = INFINITY;

        index[r] = 0;
        for (int n = 0; n < N; n++) {
            float sum = begin ? begin[n] : 0.0f;

            for (int d = 0; d < D; d++) {
                float diff = z[d] - book[telu_nearest_place(n, d, N, D)];

                sum += diff * diff;
            }
            if (sum < best) {
                best = sum;
                index[r] = n;
            }
        }
    }
    return 0;
}
