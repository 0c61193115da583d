/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* product.cuh - layers of large batches on tensor cores by cuBLAS, with the bits of linear8.h.
 *
 * A quantised input q of +-2047 is 64 high + low, with high within +-32 and low in -32 .. 31. Both
 * and the weights are small integers, which a half holds exactly. Row 2 r of x holds row r's high
 * parts and row 2 r + 1 its low ones, so that one product of halves gives both sums:
 *
 *   sum_i q[i] w[i] = 64 p[2 r] + p[2 r + 1]
 *
 * Tensor cores add in float32. No partial sum leaves 2^24, since 4096 * 127 * 32 < 2^24, and a
 * float is exact up to there. Alignment to the largest of several terms keeps the unit bit for
 * the same reason. So every order of adding gives these integers, and the CPU's bits.
 */
#ifndef PRODUCT_CUH
#define PRODUCT_CUH

#include "elementwise.cuh"
#include "linear8.cuh"
#include "live.cuh"

#define PRODUCT_THREADS 256
#define PRODUCT_EACH    16     /* inputs per thread, at most */

/* Bits of the half n, an integer of at most 11 bits. */
static __device__ inline uint32_t product_half(int n)
{
    uint32_t u = __float_as_uint((float)n);

    return n ? (u >> 16 & 0x8000u) | (((u & 0x7fffffffu) >> 13) - (112u << 10)) : 0;
}

static __device__ inline int product_high(int q)
{
    return (q + 32) >> 6;
}

static __device__ inline int product_low(int q)
{
    return q - 64 * product_high(q);
}

/* Input of a product: quantised rows of C channels. */
struct product_input {
    uint16_t *x;               /* (B, 2, C) halves */
    float *unit;               /* (B), see linear8.h */

    __device__ void put(size_t r, int C, int c, int q) const
    {
        x[2 * r * C + c] = (uint16_t)product_half(product_high(q));
        x[(2 * r + 1) * C + c] = (uint16_t)product_half(product_low(q));
    }

    /* Channels 4 q .. 4 q + 3, quantised from v; C is a multiple of 4 and x aligned. */
    __device__ void put4(size_t r, int C, int q, float4 v, const struct linear8_scale &scale) const
    {
        const float in[4] = { v.x, v.y, v.z, v.w };
        uint32_t half[2][4];

        #pragma unroll
        for (int k = 0; k < 4; k++) {
            int n = linear8_quantised(in[k], scale.most, scale.inverse);

            half[0][k] = product_half(product_high(n));
            half[1][k] = product_half(product_low(n));
        }
        #pragma unroll
        for (int i = 0; i < 2; i++)
            ((uint2 *)x)[(2 * r + i) * (C / 4) + q] =
                make_uint2(half[i][0] | half[i][1] << 16, half[i][2] | half[i][3] << 16);
    }
};

static __device__ inline uint32_t product_largest(float4 v)
{
    return max(max(linear8_magnitude(v.x), linear8_magnitude(v.y)),
               max(linear8_magnitude(v.z), linear8_magnitude(v.w)));
}

static inline struct product_input product_into(const struct telu_live *l)
{
    return { l->x, l->unit };
}

/* Outputs of a layer from its product: at(r, o), and at4(r, q) of 4 q .. 4 q + 3. */
struct product_output {
    const float *p;            /* (B, 2, O) */
    const float *unit;         /* (B) */
    const float *s, *b;        /* the layer's, (O) */
    unsigned O;

    static __device__ float one(float high, float low, float unit, float s, float b)
    {
        return linear8_output(64 * (int)high + (int)low, unit, s, b);
    }

    __device__ float at(unsigned r, unsigned o) const
    {
        const float *row = p + (size_t)r * 2 * O;

        return one(row[o], row[O + o], unit[r], s[o], b[o]);
    }

    __device__ float4 at4(unsigned r, unsigned q) const
    {
        const float *row = p + (size_t)r * 2 * O;
        float4 high = load_float4(row, q), low = load_float4(row + O, q);
        float4 k = load_float4(s, q), t = load_float4(b, q);
        float u = unit[r];

        return make_float4(one(high.x, low.x, u, k.x, t.x), one(high.y, low.y, u, k.y, t.y),
                           one(high.z, low.z, u, k.z, t.z), one(high.w, low.w, u, k.w, t.w));
    }
};

static inline struct product_output product_from(const struct telu_live *l,
                                                 const struct telu_linear8 *w)
{
    return { l->p, l->unit, w->s, w->b, (unsigned)w->O };
}

/* 1: at4() may be used. */
static inline int product_is_float4(const struct telu_live *l, const struct telu_linear8 *w)
{
    return w->O % 4 == 0 && float4_aligned(l->p, w->s, w->b);
}

/* --- Inputs -------------------------------------------------------------------------- */

/* Quantises rows of C: an Op has  at(r, c): channel c of row r, and  at4(r, q): 4 q .. 4 q + 3. It
 * may read the unit that `to` gets. blockDim: (threads per row, whole warps, rows). */
template <class Op, int FOURS>
static __global__ void __launch_bounds__(PRODUCT_THREADS)
product_rows(Op op, struct product_input to, int B, int C)
{
    __shared__ uint32_t part[PRODUCT_THREADS / 32];
    const int x = threadIdx.x, warps = blockDim.x / 32, first = threadIdx.y * warps;
    const int r = blockIdx.x * blockDim.y + threadIdx.y, live = r < B ? C : 0;
    uint32_t most = 0;
    float4 fours[PRODUCT_EACH / 4];
    float v[PRODUCT_EACH];

    if (FOURS) {
        #pragma unroll
        for (int k = 0; k < PRODUCT_EACH / 4; k++) {
            int q = x + k * blockDim.x;

            if (4 * q < live) {
                fours[k] = op.at4(r, q);
                most = max(most, product_largest(fours[k]));
            }
        }
    } else {
        #pragma unroll
        for (int k = 0; k < PRODUCT_EACH; k++) {
            int c = x + k * blockDim.x;

            if (c < live) {
                v[k] = op.at(r, c);
                most = max(most, linear8_magnitude(v[k]));
            }
        }
    }
    most = linear8_warp_max(most);
    if (warps > 1) {
        if (x % 32 == 0)
            part[first + x / 32] = most;
        __syncthreads();
        for (int i = 0; i < warps; i++)
            most = max(most, part[first + i]);
    }
    const struct linear8_scale scale = linear8_scale_of(most);

    if (x == 0 && live)
        to.unit[r] = scale.unit;
    if (FOURS) {
        #pragma unroll
        for (int k = 0; k < PRODUCT_EACH / 4; k++)
            if (4 * (x + k * (int)blockDim.x) < live)
                to.put4(r, C, x + k * blockDim.x, fours[k], scale);
    } else {
        #pragma unroll
        for (int k = 0; k < PRODUCT_EACH; k++)
            if (x + k * (int)blockDim.x < live)
                to.put(r, C, x + k * blockDim.x,
                       linear8_quantised(v[k], scale.most, scale.inverse));
    }
}

/* fours: 1 when all arrays are aligned and C is a multiple of 4. C <= TELU_LINEAR8_INPUTS. */
template <class Op>
static int product_quantise(struct telu_ctx *ctx, const struct telu_live *l, Op op, int B, int C,
                            int fours, const char *what)
{
    void (*kernel)(Op, struct product_input, int, int) =
        fours ? product_rows<Op, 1> : product_rows<Op, 0>;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    dim3 block(32);

    if (!cuda)
        return -1;
    while ((int)block.x * PRODUCT_EACH < C)
        block.x *= 2;
    block.y = PRODUCT_THREADS / block.x;
    TELU_LAUNCH(kernel, live_blocks(B, block.y), block, 0, cuda->stream, op, product_into(l), B, C);
    return telu_cuda_launched(what);
}

/* --- Layers, product.cu --------------------------------------------------------------- */

/* l->p = product of l->x, which holds the input as product_into() wrote it; product_from() gives
 * the outputs. */
int product_run(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w,
                int B);

/* y (B, O) = layer of x (B, I); overwrites l->x, l->unit and l->p. y may be x. */
int product_layer(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w,
                  float *y, const float *x, int B);

/* Quantises x (B, I) to l->x, then product_run(). */
int product_of(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w,
               const float *x, int B);

/* Unpacks a layer's weights for cuBLAS, (O, I) halves, into l->unpacked; w is on the device. */
int product_unpack(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w);

#endif
