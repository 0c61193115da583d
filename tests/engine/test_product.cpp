/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_product.cpp - checks that product.cuh splits a float into three bf16 numbers without
 * loss, and checks where it writes them for cuBLAS. */
#include "product.cuh"

#include "expect.h"

#include <math.h>
#include <string.h>

static uint32_t random_bits(void)
{
    static uint64_t s = 88172645463325252u;

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (uint32_t)(s >> 16);
}

/* Returns which of the three numbers belongs at `at`. */
static float third(const uint16_t *at)
{
    return __uint_as_float((uint32_t)*at << 16);
}

static void test_split(float x)
{
    uint32_t part[3];
    double sum = 0.0;

    product_split(part, x);
    for (int i = 0; i < 3; i++) {
        check((part[i] & 0xffff) == 0, "more than a bf16 number in a part of", x);
        sum += __uint_as_float(part[i]);
    }
    check(sum == x, "three parts do not add up to", x);
}

/* Checks put() and put4() of R rows of C, both kinds. */
static void test_layout(int R, int C)
{
    enum { MOST = 1024 };
    alignas(16) static uint16_t one[3 * MOST], four[3 * MOST];
    alignas(16) static float x[MOST], flat[MOST];
    struct product_input a = { one, 1 }, b = { four, 1 }, c = { flat, 0 };

    for (int i = 0; i < R * C; i++) {
        x[i] = ldexpf((float)(int)random_bits(), (int)(random_bits() % 40) - 50);
        a.put(i / C, C, i % C, x[i]);
        if (C % 4)
            c.put(i / C, C, i % C, x[i]);
    }
    for (int i = 0; C % 4 == 0 && i < R * C; i += 4) {
        float4 v = make_float4(x[i], x[i + 1], x[i + 2], x[i + 3]);

        b.put4(i / C, C, i % C / 4, v);
        c.put4(i / C, C, i % C / 4, v);
    }
    check(C % 4 || !memcmp(one, four, sizeof(*one) * 3 * R * C), "one by one is not as by four, C",
          C);
    check(!memcmp(flat, x, sizeof(*x) * R * C), "floats are not put as floats, C", C);
    for (int i = 0; i < R * C; i++) {
        const uint16_t *at = one + i / C * 3 * C + i % C;

        check(third(at) + third(at + C) + third(at + 2 * C) == x[i], "a row's thirds are not",
              x[i]);
    }
}

int main(void)
{
    test_split(0.0f);
    test_split(1.0f);
    test_split(-16777215.0f);
    test_split(0x1.fffffep-100f);
    test_split(-0x1.fffffep+127f);
    for (int i = 0; i < 1000000; i++) {
        float x = __uint_as_float(random_bits());

        if (fabsf(x) >= 1e-30f && isfinite(x))
            test_split(x);
    }
    test_layout(3, 8);
    test_layout(2, 320);
    test_layout(5, 7);
    return failed;
}
