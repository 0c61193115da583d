/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_linear8.c - holds linear8 to its formula: worked numbers, each way to add up a panel on this
 * machine, the largest sums, and random layers against sums in double. */
#include "linear8.h"

#include "linear.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_O 200

static int failures;
static uint32_t state = 1;

static int32_t random_to(int32_t most)         /* -most .. most */
{
    state = state * 1664525u + 1013904223u;
    return (int32_t)((uint64_t)(state >> 8) * (2u * (uint32_t)most + 1) >> 24) - most;
}

static void *memory(size_t bytes)
{
    void *p = calloc(1, bytes);

    if (!p)
        abort();
    return p;
}

/* --- Worked numbers -------------------------------------------------------------- */

/* Row (1, -0.5, 0.25): m = 1, q = 2047, -1023.5 -> -1024, 511.75 -> 512. Weights (2, 1, 0):
 * s = 2/127, w = 127, 63.5 -> 64, 0. */
static void worked(void)
{
    const float x[3] = { 1.0f, -0.5f, 0.25f }, b[2] = { 0.125f, -3.0f };
    const float weights[6] = { 2.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f };
    float s[2], y[2], want = (127 * 2047 - 64 * 1024) * (1.0f / 2047.0f * (2.0f / 127.0f)) + 0.125f;
    int8_t *packed = memory(telu_linear8_bytes(3, 2));
    uint16_t half[6];

    for (int i = 0; i < 6; i++)
        half[i] = telu_to_bf16(weights[i]);
    telu_linear8_pack(packed, s, half, 3, 2);
    if (s[0] != 2.0f / 127.0f || s[1] != 0.0f || packed[0] != 127 || packed[1] != 64) {
        printf("pack: scales %g, %g, weights %d, %d, expected %g, 0, 127, 64\n", s[0], s[1],
               packed[0], packed[1], 2.0f / 127.0f);
        failures++;
    }
    telu_linear8_c(NULL, y, x, packed, s, b, 1, 3, 2);
    if (y[0] != want || y[1] != -3.0f) {
        printf("worked: %.9g, %.9g, expected %.9g, -3\n", y[0], y[1], want);
        failures++;
    }
    free(packed);
}

static void quantised(void)
{
    static const struct {
        float x[4];
        int16_t q[4];
        float unit;
    } cases[] = {
        { { 0.0f, -0.0f, 0.0f, 0.0f }, { 0, 0, 0, 0 }, 0.0f },
        { { 2047.0f, -2047.0f, 1.5f, 2.5f }, { 2047, -2047, 2, 2 }, 1.0f },
        { { 9e-31f, -1e-40f, 0.0f, 0.0f }, { 0, 0, 0, 0 }, 0.0f },
        { { INFINITY, -INFINITY, 3e38f, 1.0f }, { 2047, -2047, 1805, 0 }, FLT_MAX / 2047.0f },
        { { NAN, -4.0f, 2.0f, 0.0f }, { 2047, 0, 0, 0 }, FLT_MAX / 2047.0f },
    };

    for (size_t n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        int16_t q[4];
        float unit = telu_linear8_quantise(q, cases[n].x, 4);

        if (memcmp(q, cases[n].q, sizeof(q)) || unit != cases[n].unit) {
            printf("row %zu: %d %d %d %d of %g, expected %d %d %d %d of %g\n", n, q[0], q[1], q[2],
                   q[3], unit, cases[n].q[0], cases[n].q[1], cases[n].q[2], cases[n].q[3],
                   cases[n].unit);
            failures++;
        }
    }
}

/* --- Panels ------------------------------------------------------------------------- */

/* Rows begin `stride` numbers apart. largest: 1 takes the largest magnitudes alone. */
static void panel(const struct telu_linear8_panel *p, int pairs, int rows, int largest)
{
    const int I = 2 * pairs, O = TELU_LINEAR8_PANEL, stride = I + 2 * (pairs % 3);
    int16_t *q = memory(sizeof(*q) * rows * stride);
    int8_t *w = memory((size_t)I * O);
    int32_t sum[(TELU_LINEAR8_ROWS + 1) * TELU_LINEAR8_PANEL];

    for (int i = 0; i < rows * stride; i++)
        q[i] = (int16_t)(largest ? -TELU_LINEAR8_MOST : random_to(TELU_LINEAR8_MOST));
    for (int i = 0; i < I * O; i++)
        w[i] = (int8_t)(largest ? i / 2 % O % 2 ? 127 : -128 : random_to(127));
    memset(sum, 0x5a, sizeof(sum));
    p->sum(sum, w, q, stride, pairs, rows);
    for (int o = 0; o < (rows + 1) * O; o++) {
        int64_t want = o < rows * O ? 0 : 0x5a5a5a5a;

        for (int i = 0; o < rows * O && i < I; i++)
            want += q[o / O * stride + i] * w[(size_t)i / 2 * 2 * O + 2 * (o % O) + i % 2];
        if (sum[o] != want) {
            printf("%s: %d inputs, %d rows, row %d, output %d: %d, expected %lld\n", p->name, I,
                   rows, o / O, o % O, sum[o], (long long)want);
            failures++;
            break;
        }
    }
    free(q);
    free(w);
}

static void panels(void)
{
    const struct telu_linear8_panel *p = telu_linear8_panels;

    for (;; p++) {
        if (!p->available())
            printf("%s: this machine has no such instructions\n", p->name);
        for (int rows = 1; p->available() && rows <= TELU_LINEAR8_ROWS; rows++) {
            for (int pairs = 1; pairs <= 70; pairs++)
                panel(p, pairs, rows, 0);
            panel(p, TELU_LINEAR8_INPUTS / 2, rows, 1);
        }
        if (!strcmp(p->name, "plain"))
            return;
    }
}

/* --- Layers -------------------------------------------------------------------------- */

/* Compares what is packed with the integers, at the places that linear8.h states; the padding is
 * zeros. */
static void halves(const int8_t *packed, const float *s, const uint16_t *half, int I, int O)
{
    const size_t bytes = telu_linear8_bytes(I, O);
    int8_t *q = memory((size_t)I * O), *places = memory(bytes), *want = memory(bytes);
    float scale[MOST_O];

    memset(want, 0, bytes);
    memset(places, 1, bytes);
    telu_linear8_integers(q, scale, half, I, O);
    telu_linear8_place(places, q, I, O);
    for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++)
            want[((size_t)(o / 64) * ((I + 1) / 2) + i / 2) * 128 + o % 64 * 2 + i % 2] =
                q[(size_t)o * I + i];
    if (memcmp(want, packed, bytes) || memcmp(want, places, bytes) ||
        memcmp(s, scale, sizeof(*s) * O)) {
        printf("integers of %d to %d: not in their places, or other scales\n", I, O);
        failures++;
    }
    free(q);
    free(places);
    free(want);
}

/* Compares with the float layer: each input is off by half of m / 2047, each weight by half of
 * s. */
static void layer(int I, int O)
{
    uint16_t *half = memory(sizeof(*half) * I * O);
    int8_t *packed = memory(telu_linear8_bytes(I, O));
    float s[MOST_O], b[MOST_O], y[MOST_O], *x = memory(sizeof(*x) * I), most = 0.0f;

    for (int i = 0; i < I; i++) {
        x[i] = (float)random_to(1000) / 300.0f;
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    }
    for (int i = 0; i < I * O; i++)
        half[i] = telu_to_bf16((float)random_to(1000) / 900.0f);
    for (int o = 0; o < O; o++)
        b[o] = (float)random_to(10);
    telu_linear8_pack(packed, s, half, I, O);
    halves(packed, s, half, I, O);
    telu_linear8_c(NULL, y, x, packed, s, b, 1, I, O);
    for (int o = 0; o < O; o++) {
        double want = b[o], bound = 1e-4;

        for (int i = 0; i < I; i++) {
            double w = telu_from_bf16(half[(size_t)o * I + i]);

            want += x[i] * w;
            bound += fabs(x[i]) * s[o] / 2 + (fabs(w) + s[o]) * most / TELU_LINEAR8_MOST / 2;
        }
        if (!(fabs(y[o] - want) <= bound) || !(bound < 0.02 * I + 0.1)) {
            printf("layer %d to %d, output %d: %g, expected %g within %g\n", I, O, o, y[o], want,
                   bound);
            failures++;
            break;
        }
    }
    free(half);
    free(packed);
    free(x);
}

int main(void)
{
    worked();
    quantised();
    panels();
    for (int I = 1; I <= 40; I++)
        layer(I, I * 5);
    layer(640, 200);
    layer(1352, 65);
    return failures ? 1 : 0;
}
