/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.c - see linear.h. */
#include "linear.h"

#include "approx.h"

#define HALF  32               /* words in a row of a panel */
#define PANEL 64               /* outputs of a panel */

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

static size_t panels(int O)
{
    return ((size_t)O + PANEL - 1) / PANEL;
}

size_t telu_linear16_words(int I, int O)
{
    return panels(O) * (size_t)I * HALF;
}

void telu_linear16_pack(uint32_t *packed, const uint16_t *w, int I, int O)
{
    for (size_t p = 0; p < panels(O); p++)
        for (int i = 0; i < I; i++)
            for (int j = 0; j < HALF; j++) {
                size_t lo = p * PANEL + j, hi = lo + HALF;
                uint32_t word = 0;

                if (lo < (size_t)O)
                    word = w[lo * I + i];
                if (hi < (size_t)O)
                    word |= (uint32_t)w[hi * I + i] << 16;
                *packed++ = word;
            }
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

int telu_linear16_c(struct telu_ctx *ctx, float *y, const float *x,
                    const uint32_t *w, const float *b, int R, int I, int O)
{
    (void)ctx;
    for (int r = 0; r < R; r++, x += I, y += O)
        for (int o = 0; o < O; o++) {
            const uint32_t *word = w + (size_t)(o / PANEL) * I * HALF + o % HALF;
            int shift = o % PANEL < HALF ? 0 : 16;
            float sum = b ? b[o] : 0.0f;

            for (int i = 0; i < I; i++, word += HALF)
                sum += x[i] * telu_from_bf16((uint16_t)(*word >> shift));
            y[o] = sum;
        }
    return 0;
}
