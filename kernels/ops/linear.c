/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.c - see linear.h. */
#include "linear.h"

#include "approx.h"

uint16_t telu_to_bf16(float x)
{
    uint32_t u = telu_float_bits(x);

    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x0040u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

float telu_from_bf16(uint16_t x)
{
    return telu_bits_float((uint32_t)x << 16);
}

int telu_linear_c(struct telu_ctx *ctx, float *y, const float *x, const float *w,
                  const float *b, int R, int I, int O)
{
    (void)ctx;
    for (int r = 0; r < R; r++, x += I, y += O)
        for (int o = 0; o < O; o++) {
            const float *row = w + (size_t)o * I;
            float sum = b ? b[o] : 0.0f;

            for (int i = 0; i < I; i++)
                sum += x[i] * row[i];
            y[o] = sum;
        }
    return 0;
}
