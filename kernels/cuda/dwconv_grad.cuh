/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_grad.cuh - gradients of dwconv along the packets of a channel, with the next values of dy
 * in registers. Packet u of x contributes to the outputs u .. u + K-1, so
 *
 *   dx[u] += sum_k w[k] dy[u + K-1-k],  dw[k] += sum_u x[u] dy[u + K-1-k]
 */
#ifndef DWCONV_GRAD_CUH
#define DWCONV_GRAD_CUH

#include "device.h"

#define DWCONV_USUAL 7
#define DWCONV_MOST  15

/* Number of items; one thread takes an item of `length` packets of a segment. */
static __host__ __device__ inline int dwconv_items(int B, int T, int length)
{
    return B * ((T + length - 1) / length);
}

/* Adds to dx for channel c < C of items first, first + step ...; sets sum[j] to the gradient of tap
 * K-1-j and sum[TAPS] to the bias's. TAPS >= K; taps beyond K have weight 0. */
template <int TAPS>
static __device__ inline void dwconv_along(float *sum, float *__restrict__ dx,
                                           const float *__restrict__ dy,
                                           const float *__restrict__ x,
                                           const float *__restrict__ w, int B, int T,
                                           int C, int K, int length, int c, int first,
                                           int step)
{
    int items = dwconv_items(B, T, length), each = items / B;
    float taps[TAPS], next[TAPS];

    /* taps[j] weighs the gradient j packets later */
    #pragma unroll
    for (int j = 0; j < TAPS; j++) {
        taps[j] = j < K ? w[(size_t)c * K + K - 1 - j] : 0.0f;
        sum[j] = 0.0f;
    }
    sum[TAPS] = 0.0f;
    for (int item = first; item < items; item += step) {
        int from = item % each * length, end = min(from + length, T);
        size_t at = (size_t)(item / each) * T * C + c;
        const float *in = x + at, *g = dy + at;
        float *out = dx + at;

        #pragma unroll
        for (int j = 0; j < TAPS - 1; j++)
            next[j] = from + j < T ? g[(from + j) * C] : 0.0f;
        for (int t = from; t < end; t += TAPS) {
            float v[TAPS], old[TAPS], far[TAPS];

            /* All loads precede the first sum; beyond the end the last packet is loaded again. */
            #pragma unroll
            for (int u = 0; u < TAPS; u++) {
                int row = min(t + u, end - 1) * C;

                v[u] = in[row];
                old[u] = out[row];
                far[u] = g[min(t + u + TAPS - 1, T - 1) * C];
            }
            #pragma unroll
            for (int u = 0; u < TAPS; u++) {
                float d = 0.0f;

                next[(u + TAPS - 1) % TAPS] = t + u + TAPS - 1 < T ? far[u] : 0.0f;
                if (t + u >= end)
                    continue;
                #pragma unroll
                for (int j = 0; j < TAPS; j++) {
                    float n = next[(u + j) % TAPS];

                    d += taps[j] * n;
                    sum[j] += v[u] * n;
                }
                sum[TAPS] += next[u % TAPS];
                out[(t + u) * C] = old[u] + d;
            }
        }
    }
}

#endif
