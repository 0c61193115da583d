/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_approx.c - compares exp and log of approx.h with libm over their whole ranges. */
#include "approx.h"

#include <math.h>
#include <stdio.h>

static int failures;

static void expect(const char *what, double x, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) {
        if (failures++ < 20)
            printf("%s(%.9g) is %.9g, expected %.9g +- %.3g\n", what, x, got, want,
                   tol);
    }
}

int main(void)
{
    double worst_exp = 0.0, worst_log = 0.0;

    for (double d = -87.0; d <= 88.0; d += 1.3e-4) {
        float x = (float)d;
        double want = exp(x), got = telu_exp(x);

        worst_exp = fmax(worst_exp, fabs(got / want - 1.0));
        expect("exp", x, got, want, 3e-7 * want);
    }
    /* 1e-30 .. 1e30, in steps of bits that reach all mantissas */
    for (uint32_t u = telu_float_bits(1e-30f); u < telu_float_bits(1e30f); u += 1237) {
        float x = telu_bits_float(u);
        double want = log(x), got = telu_log(x);
        double ulp = fabs(want) * 0x1p-24;

        worst_log = fmax(worst_log, fabs(got - want) - ulp);
        expect("log", x, got, want, 3e-7 + ulp);
    }

    expect("exp", 0, telu_exp(0.0f), 1.0, 0.0);
    expect("log", 1, telu_log(1.0f), 0.0, 0.0);
    expect("exp", -INFINITY, telu_exp(-INFINITY), exp(-87.0), 1e-43);
    expect("exp", NAN, telu_exp(NAN), exp(-87.0), 1e-43);
    expect("exp", INFINITY, telu_exp(INFINITY), exp(88.0), 3e-7 * exp(88.0));
    expect("log", 0, telu_log(0.0f), log(1.17549435e-38), 1e-5);
    expect("log", -1, telu_log(-1.0f), log(1.17549435e-38), 1e-5);
    expect("log", 1e-45, telu_log(1e-45f), log(1.17549435e-38), 1e-5);
    expect("log", INFINITY, telu_log(INFINITY), log(3.40282347e38), 1e-5);
    /* the NaNs of x86 and of CUDA */
    expect("log", NAN, telu_log(telu_bits_float(0x7fc00000)), log(3.40282347e38), 1e-5);
    expect("log", NAN, telu_log(telu_bits_float(0x7fffffff)), log(3.40282347e38), 1e-5);
    printf("approx: exp within %.3g relative, log within %.3g; %d failures\n",
           worst_exp, worst_log, failures);
    return failures != 0;
}
