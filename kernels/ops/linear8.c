/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8.c - see linear8.h. */
#include "linear8_body.h"

#include <math.h>
#include <string.h>

#define WEIGHT 127.0f          /* largest magnitude of a weight */
#define NEAR   32              /* pairs: a line of 64 bytes of a row */

static size_t panels(int O)
{
    return ((size_t)O + PANEL - 1) / PANEL;
}

/* Place of a weight among the packed ones. */
static size_t place(int o, int i, int I)
{
    size_t rows = ((size_t)I + 1) / 2;

    return (o / PANEL * rows + i / 2) * PAIR + o % PANEL * 2 + i % 2;
}

size_t telu_linear8_bytes(int I, int O)
{
    return panels(O) * (((size_t)I + 1) / 2) * PAIR;
}

/* q [I] = round(w / s), s = max |w| / 127 or 0; w: bfloat16 bits. Returns s. */
TELU_TARGET_CLONES
static float quantise_weights(int8_t *q, const uint16_t *w, int I)
{
    uint32_t most = 0;
    float s;

    for (int i = 0; i < I; i++) {
        uint32_t u = (uint32_t)(w[i] & 0x7fff) << 16;

        most = u > most ? u : most;
    }
    s = telu_bits_float(most) < LINEAR8_LEAST ? 0.0f : telu_bits_float(most) / WEIGHT;
    for (int i = 0; i < I; i++) {
        float x = telu_bits_float((uint32_t)w[i] << 16);

        q[i] = (int8_t)(int32_t)((x / (s > 0.0f ? s : INFINITY) + LINEAR8_ROUND) - LINEAR8_ROUND);
    }
    return s;
}

void telu_linear8_integers(int8_t *q, float *s, const uint16_t *w, int I, int O)
{
    for (int o = 0; o < O; o++, q += I, w += I)
        s[o] = quantise_weights(q, w, I);
}

/* Puts pairs first .. end of some rows of integers into a panel. */
static void place_pairs(int8_t *panel, const int8_t *q, int I, int rows, int first, int end)
{
    for (int o = 0; o < rows; o++, q += I)
        for (int i = first; i < end; i++)
            memcpy(panel + (size_t)i * PAIR + 2 * o, q + 2 * i, 2);
}

/* Puts rows of integers into a panel: few pairs at a time, whose lines stay in the first cache
 * until all rows have filled them. The partner of an odd last input stays 0. */
static void place_rows(int8_t *panel, const int8_t *q, int I, int rows)
{
    const int pairs = I / 2;

    for (int i = 0; i < pairs; i += NEAR)
        place_pairs(panel, q, I, rows, i, pairs - i < NEAR ? pairs : i + NEAR);
    for (int r = 0; I % 2 && r < rows; r++)
        panel[(size_t)pairs * PAIR + 2 * r] = q[(size_t)r * I + I - 1];
}

void telu_linear8_place(int8_t *packed, const int8_t *q, int I, int O)
{
    memset(packed, 0, telu_linear8_bytes(I, O));
    for (int o = 0; o < O; o += PANEL, q += (size_t)PANEL * I)
        place_rows(packed + place(o, 0, I), q, I, O - o < PANEL ? O - o : PANEL);
}

void telu_linear8_pack(int8_t *packed, float *s, const uint16_t *w, int I, int O)
{
    int8_t q[TELU_LINEAR8_INPUTS];

    memset(packed, 0, telu_linear8_bytes(I, O));
    for (int o = 0; o < O; o++, w += I) {
        s[o] = quantise_weights(q, w, I);
        place_rows(packed + place(o, 0, I), q, I, 1);
    }
}

float telu_linear8_quantise(int16_t *q, const float *x, int I)
{
    return quantise(q, x, I);
}

int telu_linear8_c(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                   const float *s, const float *b, int R, int I, int O)
{
    int16_t q[TELU_LINEAR8_INPUTS + 1];

    (void)ctx;
    for (int r = 0; r < R; r++, x += I, y += O) {
        float unit = quantise(q, x, I);

        for (int o = 0; o < O; o++) {
            int32_t sum = 0;

            for (int i = 0; i < I; i++)
                sum += q[i] * w[place(o, i, I)];
            scale_sums(y + o, &sum, unit, s + o, b ? b + o : NULL, 1);
        }
    }
    return 0;
}
