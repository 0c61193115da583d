/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* product.cuh - layers of large batches, y = x w^T, by cuBLAS in bf16x3 or float32.
 *
 * Weights are bfloat16, x is float32. A float is exactly the sum of three bf16 numbers, 8 of its
 * 24 bits each. A row of x holds the three in succession, against three copies of the row of w.
 * Tensor cores multiply bf16 by bf16 and add in float32, so each product of float and weight
 * is exact, in three pieces (Henry, Tang, Heinecke 2019, "Leveraging the bfloat16 artificial
 * intelligence datatype for higher-precision computations"). bf16x3 pays where bf16 products
 * are more than three times as fast as float32, product_wants_bf16x3(); other devices multiply
 * floats.
 */
#ifndef PRODUCT_CUH
#define PRODUCT_CUH

#include "elementwise.cuh"
#include "live.cuh"

/* Splits x into three bf16 numbers of x's sign, each in the upper half of a float. Parts below a
 * float's least exponent are lost; an infinity becomes a NaN. */
static __device__ inline void product_split(uint32_t *part, float x)
{
    #pragma unroll
    for (int i = 0; i < 3; i++) {
        part[i] = __float_as_uint(x) & 0xffff0000u;
        x -= __uint_as_float(part[i]);
    }
}

/* Input of a product: rows of C channels. */
struct product_input {
    void *p;                   /* (B, 3, C) bf16, or (B, C) float */
    int bf16x3;                    /* 1: bf16 */

    __device__ void put(size_t r, int C, int c, float v) const
    {
        uint32_t part[3];

        if (!bf16x3) {
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

        if (!bf16x3) {
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
    return { l->x, l->bf16x3 };
}

/* product.cu: returns 1 when bf16x3 pays, 0, or -1 with telu_error(). By their data sheets,
 * tensor cores of compute 8.0, 9.0 and 10.x are at least ten times as fast as float32, others
 * two to four times. */
int product_wants_bf16x3(int device);

/* y (B, O) = l->x w^T, without biases; l->x holds the input as product_into() wrote it. */
int product_run(struct telu_ctx *ctx, const struct telu_live *l,
                const struct telu_linear16 *w, float *y, int B);

/* y (B, O) = x w^T + b for floats x (B, I); overwrites l->x. */
int product_layer(struct telu_ctx *ctx, const struct telu_live *l,
                  const struct telu_linear16 *w, float *y, const float *x, int B);

/* Unpacks a layer's weights for cuBLAS, (O, 3, I) bf16 or (O, I) float, into l->unpacked; w is on
 * the device. */
int product_unpack(struct telu_ctx *ctx, const struct telu_live *l,
                   const struct telu_linear16 *w);

#endif
