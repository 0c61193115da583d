/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dct.cuh - fold, DCT-IV and window of mdct.h for hops in shared memory. The sums go in the order
 * of mdct_body.h, which gives the CPU's bits; an FFT would add in another one.
 */
#ifndef DCT_CUH
#define DCT_CUH

#include "device.h"
#include "elementwise.cuh"
#include "mdct.h"

#define DCT_FOURS  (TELU_HOP / 4)      /* threads for each EACH hops, four outputs per thread */

struct dct_table {
    float window[2 * TELU_HOP];
    float dct[TELU_HOP][TELU_HOP];
};

/* mdct.cu: table of the current device, filled by telu_mdct_ready_cuda(); NULL with
 * telu_error(). */
const struct dct_table *telu_dct_table(void);

/* Sample n of a folded hop: x [320]. Samples where the window is 0 are not read. */
static __device__ inline float dct_fold(const struct dct_table *t, const float *x, int n)
{
    const float *w = t->window;
    int mirror = 3 * TELU_HALF - 1 - n, far = n < TELU_EDGE ? 3 * TELU_HALF + n : n - TELU_HALF;
    float v = -(w[mirror] * x[mirror]);

    return n < TELU_EDGE ? v - w[far] * x[far] : n >= TELU_FLAT ? w[far] * x[far] + v : v;
}

/* Outputs 4 q .. 4 q + 3 of EACH hops, 1 or 4, to sum: u [160][stride] in shared memory holds
 * sample n of hop h at u[n * stride + h]; four hops are aligned to float4. */
template <int EACH>
static __device__ inline void dct(float4 *sum, const float *u, int stride,
                                  const struct dct_table *t, int q)
{
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        sum[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    #pragma unroll 16
    for (int n = 0; n < TELU_HOP; n++) {
        float4 m = load_float4(t->dct[n], q), v;

        v = EACH == 4 ? load_float4(u + n * stride, 0)
                      : make_float4(u[n * stride], 0.0f, 0.0f, 0.0f);
        const float x[4] = { v.x, v.y, v.z, v.w };

        #pragma unroll
        for (int i = 0; i < EACH; i++) {
            sum[i].x += x[i] * m.x;
            sum[i].y += x[i] * m.y;
            sum[i].z += x[i] * m.z;
            sum[i].w += x[i] * m.w;
        }
    }
}

/* Sample n of a hop's span, 0 .. 159, of the DCT's outputs: old of the hop before, now of this one.
 * They may be zeros. */
static __device__ inline float dct_unfold(const struct dct_table *t, const float *old,
                                          const float *now, int n)
{
    const float *w = t->window;
    int early = n < TELU_HALF;
    float y = 0.0f;

    if (n < TELU_FLAT)
        y += w[TELU_HOP + n] * -old[early ? TELU_HALF - 1 - n : n - TELU_HALF];
    if (n >= TELU_EDGE)
        y += w[n] * (early ? now[TELU_HALF + n] : -now[3 * TELU_HALF - 1 - n]);
    return y;
}

#endif
