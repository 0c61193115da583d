/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* product.cuh - layers of many rows, y = x w^T, by cuBLAS.
 *
 * Weights are bfloat16, x is float32. A float is the sum of three bf16 numbers, without a
 * rest: its 24 bits in three times 8. They lie behind one another in a row of x, against
 * three times the row of w, and tensor cores multiply bf16 by bf16 and add in float32: each
 * product of float and weight is there exactly, in three pieces (Henry, Tang, Heinecke 2019,
 * "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
 * computations"). That pays where such products are more than three times as fast as those
 * of floats, product_wants_x3(); other devices multiply floats.
 */
#ifndef PRODUCT_CUH
#define PRODUCT_CUH

#include "elementwise.cuh"
#include "live.cuh"

/* x = the sum of the three, each a bf16 number in the upper half of a float; they have x's
 * sign. What is below a float's least exponent is lost, and an infinity becomes a NaN. */
static __device__ inline void product_split(uint32_t *part, float x)
{
    #pragma unroll
    for (int i = 0; i < 3; i++) {
        part[i] = __float_as_uint(x) & 0xffff0000u;
        x -= __uint_as_float(part[i]);
    }
}

/* Where the input of a layer is put, row r of C channels. */
struct product_input {
    void *p;                   /* (B, 3, C) bf16, or (B, C) float */
    int x3;                    /* 1: the former */

    __device__ void put(size_t r, int C, int c, float v) const
    {
        uint32_t part[3];

        if (!x3) {
            ((float *)p)[r * C + c] = v;
            return;
        }
        product_split(part, v);
        #pragma unroll
        for (int i = 0; i < 3; i++)
            ((uint16_t *)p)[(3 * r + i) * C + c] = (uint16_t)(part[i] >> 16);
    }

    /* Channels 4 q .. 4 q + 3; C is a multiple of 4 and p aligned. */
    __device__ void put4(size_t r, int C, int q, float4 v) const
    {
        const float in[4] = { v.x, v.y, v.z, v.w };
        uint32_t part[4][3];
        int fours = C / 4;

        if (!x3) {
            ((float4 *)p)[r * fours + q] = v;
            return;
        }
        #pragma unroll
        for (int k = 0; k < 4; k++)
            product_split(part[k], in[k]);
        #pragma unroll
        for (int i = 0; i < 3; i++)
            ((uint2 *)p)[(3 * r + i) * fours + q] =
                make_uint2(part[0][i] >> 16 | part[1][i], part[2][i] >> 16 | part[3][i]);
    }
};

static inline struct product_input product_into(const struct telu_live *l)
{
    return { l->x, l->x3 };
}

/* product.cu: 1 when the device is one of those whose tensor cores are, by their data sheets,
 * ten and more times as fast (compute 8.0, 9.0, 10.x; of the others two to four), 0, or -1
 * with telu_error(). */
int product_wants_x3(int device);

/* y (B, O) from the layer's input, which is in l->x; without the biases. */
int product_run(struct telu_ctx *ctx, const struct telu_live *l,
                const struct telu_linear16 *w, float *y, int B);

/* y (B, O) = x w^T + b, x (B, I) floats; l->x is overwritten. */
int product_layer(struct telu_ctx *ctx, const struct telu_live *l,
                  const struct telu_linear16 *w, float *y, const float *x, int B);

/* A layer's weights as cuBLAS is to have them, (O, 3, I) bf16 or (O, I) float, to where they
 * belong in l->wide; w is on the device. */
int product_unpack(struct telu_ctx *ctx, const struct telu_live *l,
                   const struct telu_linear16 *w);

#endif
