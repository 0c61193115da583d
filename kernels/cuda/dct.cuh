/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dct.cuh - DCT-IV of N = 160 through a complex FFT of M = 80 in shared memory:
 *
 *   z[n] = (u[2n] + i u[N-1-2n]) exp(-i pi (4n+1) / 4N)
 *   X[2k] - i X[N-1-2k] = sqrt(2/N) exp(-i pi k / N) sum_n z[n] exp(-2 pi i n k / M)
 *
 * M = 10 * 8: with n = 8 a + b and k = c + 10 d, DFTs of 10 over a, factors
 * exp(-2 pi i b c / M), DFTs of 8 over b. Radix 5 after Rader and Winograd. The
 * parts of the outer factors that depend on b and c are merged into the middle factor; the
 * parts that depend on a and d are constants.
 *
 * A hop in shared memory holds the even samples, then the odd ones in reverse. Neighbouring
 * threads of the FFT take neighbouring hops, which avoids bank conflicts.
 */
#ifndef DCT_CUH
#define DCT_CUH

#include "device.h"
#include "telu.h"

#define DCT_M     (TELU_HOP / 2)
#define DCT_THREADS  10           /* threads per hop */

struct dct_table {
    float window[2 * TELU_HOP];
    float4 twist[8][5];        /* by b: two c each */
};

/* mdct.cu: table of the current device, filled by telu_mdct_ready_cuda(); NULL with
 * telu_error(). */
const struct dct_table *telu_dct_table(void);

/* The strides avoid bank conflicts. */
template <int HOPS>
struct dct_scratch {
    float u[HOPS][TELU_HOP + 2];
    float2 z[HOPS][DCT_M + 1];
};

static __device__ inline float2 add(float2 a, float2 b)
{
    return make_float2(a.x + b.x, a.y + b.y);
}

static __device__ inline float2 sub(float2 a, float2 b)
{
    return make_float2(a.x - b.x, a.y - b.y);
}

static __device__ inline float2 mul(float2 a, float2 b)
{
    return make_float2(fmaf(a.x, b.x, -(a.y * b.y)), fmaf(a.x, b.y, a.y * b.x));
}

/* a +- (-i) b */
static __device__ inline void cross(float2 *plus, float2 *minus, float2 a, float2 b)
{
    *plus = make_float2(a.x + b.y, a.y - b.x);
    *minus = make_float2(a.x - b.y, a.y + b.x);
}

static __device__ inline void dft5(float2 *y, float2 a, float2 b, float2 c, float2 d,
                                   float2 e)
{
    const float c1 = 0.309016994f, c2 = -0.809016994f;
    const float s1 = 0.951056516f, s2 = 0.587785252f;
    float2 be = add(b, e), cd = add(c, d), b_e = sub(b, e), c_d = sub(c, d);
    float2 p = make_float2(fmaf(c1, be.x, fmaf(c2, cd.x, a.x)),
                           fmaf(c1, be.y, fmaf(c2, cd.y, a.y)));
    float2 q = make_float2(fmaf(c2, be.x, fmaf(c1, cd.x, a.x)),
                           fmaf(c2, be.y, fmaf(c1, cd.y, a.y)));
    float2 r = make_float2(fmaf(s1, b_e.x, s2 * c_d.x), fmaf(s1, b_e.y, s2 * c_d.y));
    float2 s = make_float2(fmaf(s2, b_e.x, -(s1 * c_d.x)),
                           fmaf(s2, b_e.y, -(s1 * c_d.y)));

    y[0] = add(a, add(be, cd));
    cross(&y[1], &y[4], p, r);
    cross(&y[2], &y[3], q, s);
}

static __device__ inline void dft10(float2 *y, const float2 *x)
{
    /* exp(-2 pi i k / 10) */
    const float2 w[5] = {
        { 1.0f, 0.0f }, { 0.809016994f, -0.587785252f }, { 0.309016994f, -0.951056516f },
        { -0.309016994f, -0.951056516f }, { -0.809016994f, -0.587785252f },
    };
    float2 even[5], odd[5];

    dft5(even, x[0], x[2], x[4], x[6], x[8]);
    dft5(odd, x[1], x[3], x[5], x[7], x[9]);
    #pragma unroll
    for (int k = 0; k < 5; k++) {
        float2 o = k ? mul(odd[k], w[k]) : odd[k];

        y[k] = add(even[k], o);
        y[k + 5] = sub(even[k], o);
    }
}

static __device__ inline void dft4(float2 *y, float2 a, float2 b, float2 c, float2 d)
{
    float2 ac = add(a, c), bd = add(b, d);

    y[0] = add(ac, bd);
    y[2] = sub(ac, bd);
    cross(&y[1], &y[3], sub(a, c), sub(b, d));
}

static __device__ inline void dft8(float2 *y, const float2 *x)
{
    const float h = 0.707106781f;
    float2 even[4], odd[4];

    dft4(even, x[0], x[2], x[4], x[6]);
    dft4(odd, x[1], x[3], x[5], x[7]);
    odd[1] = make_float2(h * (odd[1].x + odd[1].y), h * (odd[1].y - odd[1].x));
    odd[2] = make_float2(odd[2].y, -odd[2].x);
    odd[3] = make_float2(h * (odd[3].y - odd[3].x), -h * (odd[3].x + odd[3].y));
    #pragma unroll
    for (int k = 0; k < 4; k++) {
        y[k] = add(even[k], odd[k]);
        y[k + 4] = sub(even[k], odd[k]);
    }
}

/* DCT-IV of each hop's u, in place, by the THREADS of a block; barriers at both ends. */
template <int HOPS, int THREADS>
static __device__ inline void dct(struct dct_scratch<HOPS> *s, const struct dct_table *t)
{
    /* exp(-i pi a / 20), exp(-i pi d / 16) */
    const float2 before[10] = {
        { 1.0f, 0.0f }, { 0.987688341f, -0.156434465f }, { 0.951056516f, -0.309016994f },
        { 0.891006524f, -0.453990500f }, { 0.809016994f, -0.587785252f },
        { 0.707106781f, -0.707106781f }, { 0.587785252f, -0.809016994f },
        { 0.453990500f, -0.891006524f }, { 0.309016994f, -0.951056516f },
        { 0.156434465f, -0.987688341f },
    };
    const float2 after[8] = {
        { 1.0f, 0.0f }, { 0.980785280f, -0.195090322f }, { 0.923879533f, -0.382683432f },
        { 0.831469612f, -0.555570233f }, { 0.707106781f, -0.707106781f },
        { 0.555570233f, -0.831469612f }, { 0.382683432f, -0.923879533f },
        { 0.195090322f, -0.980785280f },
    };
    const int all = THREADS == DCT_THREADS * HOPS;
    int hop = threadIdx.x % HOPS, b = threadIdx.x / HOPS, c = b;
    float *u = s->u[hop];
    float2 *z = s->z[hop], x[10], y[10];

    __syncthreads();
    if (b < 8) {
        #pragma unroll
        for (int a = 0; a < 10; a++) {
            int n = 8 * a + b;
            float2 v = make_float2(u[n], u[DCT_M + n]);

            x[a] = a ? mul(v, before[a]) : v;
        }
        dft10(y, x);
        #pragma unroll
        for (int k = 0; k < 10; k += 2) {
            float4 w = t->twist[b][k / 2];

            z[b * 10 + k] = mul(y[k], make_float2(w.x, w.y));
            z[b * 10 + k + 1] = mul(y[k + 1], make_float2(w.z, w.w));
        }
    }
    __syncthreads();
    if (all || c < DCT_THREADS) {
        #pragma unroll
        for (int k = 0; k < 8; k++)
            x[k] = z[k * 10 + c];
        dft8(y, x);
        #pragma unroll
        for (int d = 0; d < 8; d++) {
            float2 v = d ? mul(y[d], after[d]) : y[d];

            u[c + 10 * d] = v.x;
            u[DCT_M + c + 10 * d] = -v.y;
        }
    }
    __syncthreads();
}

#endif
