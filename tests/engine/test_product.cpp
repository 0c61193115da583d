/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_product.cpp - checks product.cuh: halves hold both parts of every quantised input, parts and
 * outputs lie where cuBLAS has them, and no sum of parts leaves what a float holds exactly. */
#include "product.cuh"

#include "expect.h"

#include <math.h>
#include <string.h>

/* Value of a half that is not an infinity, a NaN or a denormal. */
static float value(uint32_t bits)
{
    float x = ldexpf((float)(1024 + (bits & 1023)), (int)(bits >> 10 & 31) - 25);

    return (bits & 0x7fff) == 0 ? 0.0f : bits & 0x8000 ? -x : x;
}

/* Every q, and the weights that its parts are multiplied by. */
static void test_parts(void)
{
    int most = 0;

    for (int q = -TELU_LINEAR8_MOST; q <= TELU_LINEAR8_MOST; q++) {
        int high = product_high(q), low = product_low(q);

        check(64 * high + low == q, "parts do not add up to", q);
        check(value(product_half(high)) == high && value(product_half(low)) == low,
              "halves are not the parts of", q);
        most = max(most, max(abs(high), abs(low)));
    }
    for (int w = -128; w <= 127; w++)
        check(value(product_half(w)) == w, "a half is not the weight", w);
    check((double)TELU_LINEAR8_INPUTS * 127 * most < 1 << 24, "a sum leaves 2^24, parts up to",
          most);
}

/* Checks put() and put4() of R rows of C, and at() and at4() on what they wrote as a product. */
static void test_layout(int R, int C)
{
    enum { MOST = 1024 };
    alignas(16) static uint16_t one[2 * MOST], four[2 * MOST];
    alignas(16) static float p[2 * MOST], s[MOST], b[MOST];
    float unit[8];
    struct product_input a = { one, NULL }, f = { four, NULL };
    struct product_output y = { p, unit, s, b, (unsigned)C };
    const struct linear8_scale scale = linear8_scale_of(__float_as_uint(TELU_LINEAR8_MOST));

    check(scale.unit == 1.0f, "the unit of a row up to 2047 is not 1 but", scale.unit);
    for (int i = 0; i < R * C; i++) {
        unit[i / C] = 1.5f;
        s[i % C] = 0.25f;
        b[i % C] = 3.0f;
        a.put(i / C, C, i % C, 37 * i % 4095 - 2047);
    }
    for (int i = 0; i < R * C && C % 4 == 0; i += 4) {
        float v[4];

        for (int k = 0; k < 4; k++)
            v[k] = (float)(37 * (i + k) % 4095 - 2047);
        f.put4(i / C, C, i % C / 4, make_float4(v[0], v[1], v[2], v[3]), scale);
    }
    check(C % 4 || !memcmp(one, four, sizeof(*one) * 2 * R * C), "one by one is not as by four, C",
          C);
    for (int i = 0; i < 2 * R * C; i++)
        p[i] = value(one[i]);
    for (int i = 0; i < R * C; i++) {
        float want = (float)(37 * i % 4095 - 2047) * (1.5f * 0.25f) + 3.0f;
        float4 v = C % 4 ? make_float4(want, 0, 0, 0) : y.at4(i / C, i % C / 4);
        const float all[4] = { v.x, v.y, v.z, v.w };

        check(y.at(i / C, i % C) == want, "an output is not", want);
        check(all[C % 4 ? 0 : i % 4] == want, "one of four outputs is not", want);
    }
}

int main(void)
{
    test_parts();
    test_layout(3, 8);
    test_layout(2, 320);
    test_layout(5, 7);
    return failed;
}
