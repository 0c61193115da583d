/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grad_ops.c - compares each op and its gradient with its formula, written here in double;
 * gradients by central differences. */
#include "dwconv.h"
#include "gelu.h"
#include "head.h"
#include "linear.h"
#include "mdct.h"
#include "norm.h"
#include "residual.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST   4096            /* numbers in an array */
#define INPUTS 3
#define FILL   0.25f           /* initial value of gradients that accumulate */

/* The formula of an op: y from its inputs. */
struct formula {
    const char *name;
    void (*eval)(double *y, double in[][MOST], const int *s);
    int inputs;
    size_t n[INPUTS], ny;
    int s[4];
};

static double in[INPUTS][MOST], y[MOST], dy[MOST];
static float fin[INPUTS][MOST], fy[MOST], fdy[MOST], grad[INPUTS][MOST];
static int failures;
static uint32_t state = 12345;

static double noise(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(float)((double)(state >> 8) / (1 << 23) - 1.0);
}

static void expect(const char *name, const char *what, const float *got,
                   const double *want, size_t n, double tol)
{
    double most = 1e-30;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= tol * most)) {
            printf("%s: %s at %zu of %zu is %.9g, expected %.9g\n", name, what, i, n,
                   got[i], want[i]);
            failures++;
            return;
        }
}

static double loss(const struct formula *f)
{
    double sum = 0.0;

    f->eval(y, in, f->s);
    for (size_t i = 0; i < f->ny; i++)
        sum += dy[i] * y[i];
    return sum;
}

/* Fills inputs and dy, and the gradients with `fill`, and converts the inputs to fin. */
static void prepare(const struct formula *f, float scale, float fill)
{
    for (int j = 0; j < f->inputs; j++)
        for (size_t i = 0; i < f->n[j]; i++) {
            in[j][i] = fin[j][i] = scale * (float)noise();
            grad[j][i] = fill;
        }
    for (size_t i = 0; i < f->ny; i++)
        dy[i] = fdy[i] = (float)noise();
}

/* Compares fy and grad[j] with the formula; `fill` is the initial value of grad[j]. */
static void judge(const struct formula *f, float fill)
{
    static double want[MOST];

    f->eval(y, in, f->s);
    expect(f->name, "y", fy, y, f->ny, 1e-5);
    for (int j = 0; j < f->inputs; j++) {
        char what[32];

        for (size_t i = 0; i < f->n[j]; i++) {
            double keep = in[j][i], h = 1e-5;

            in[j][i] = keep + h;
            double up = loss(f);
            in[j][i] = keep - h;
            want[i] = (up - loss(f)) / (2.0 * h) + fill;
            in[j][i] = keep;
        }
        snprintf(what, sizeof(what), "gradient of input %d", j);
        expect(f->name, what, grad[j], want, f->n[j], 2e-5);
    }
}

static void eval_linear(double *o, double v[][MOST], const int *s)
{
    for (int r = 0; r < s[0]; r++)
        for (int k = 0; k < s[2]; k++) {
            double sum = v[2][k];

            for (int i = 0; i < s[1]; i++)
                sum += v[0][r * s[1] + i] * v[1][k * s[1] + i];
            o[r * s[2] + k] = sum;
        }
}

static void linear(int R, int I, int O)
{
    const struct formula f = { "linear", eval_linear, 3,
        { (size_t)R * I, (size_t)O * I, O }, (size_t)R * O, { R, I, O } };

    prepare(&f, 1.0f, FILL);
    telu_linear_c(NULL, fy, fin[0], fin[1], fin[2], R, I, O);
    telu_linear_grad(grad[0], grad[1], grad[2], fdy, fin[0], fin[1], R, I, O);
    judge(&f, FILL);

    /* The other results must not change without the optional ones. */
    static float dw[MOST];
    for (size_t i = 0; i < f.n[1]; i++)
        dw[i] = FILL;
    telu_linear_grad(NULL, dw, NULL, fdy, fin[0], fin[1], R, I, O);
    if (memcmp(dw, grad[1], f.n[1] * sizeof(*dw))) {
        printf("linear: dw depends on whether dx and db are asked for\n");
        failures++;
    }
}

/* Checks bfloat16 rounding on worked values: to nearest, ties to even, NaN stays NaN. */
static void rounding(void)
{
    static const struct { uint32_t from; uint16_t to; } cases[] = {
        { 0x3f800000, 0x3f80 }, { 0x3f807fff, 0x3f80 }, { 0x3f808000, 0x3f80 },
        { 0x3f808001, 0x3f81 }, { 0x3f817fff, 0x3f81 }, { 0x3f818000, 0x3f82 },
        { 0xbf818000, 0xbf82 }, { 0x3fffffff, 0x4000 }, { 0x80000000, 0x8000 },
        { 0x7f7fffff, 0x7f80 }, { 0xff800000, 0xff80 }, { 0x7f800001, 0x7fc0 },
        { 0xffffffff, 0xffff },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint32_t back, want = (uint32_t)cases[i].to << 16;
        float x, f;

        memcpy(&x, &cases[i].from, sizeof(x));
        f = telu_from_bf16(telu_to_bf16(x));
        memcpy(&back, &f, sizeof(back));
        if (telu_to_bf16(x) != cases[i].to || back != want) {
            printf("bf16: %08x is %04x and %08x, expected %04x\n",
                   (unsigned)cases[i].from, telu_to_bf16(x), (unsigned)back,
                   cases[i].to);
            failures++;
        }
    }
}

static void eval_dwconv(double *o, double v[][MOST], const int *s)
{
    int B = s[0], T = s[1], C = s[2], K = s[3];

    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            for (int c = 0; c < C; c++) {
                double sum = v[2][c];

                for (int k = 0; k < K; k++)
                    if (t - (K - 1) + k >= 0)
                        sum += v[1][c * K + k] *
                               v[0][(b * T + t - (K - 1) + k) * C + c];
                o[(b * T + t) * C + c] = sum;
            }
}

static void dwconv(int B, int T, int C, int K)
{
    const size_t n = (size_t)B * T * C;
    const struct formula f = { "dwconv", eval_dwconv, 3, { n, (size_t)C * K, C }, n,
                               { B, T, C, K } };
    static float hist[MOST], stream[MOST], row_in[MOST], row_out[MOST];

    prepare(&f, 1.0f, FILL);
    telu_dwconv_c(NULL, fy, fin[0], NULL, fin[1], fin[2], B, T, C, K);
    telu_dwconv_grad(grad[0], grad[1], grad[2], fdy, fin[0], fin[1], B, T, C, K);
    judge(&f, FILL);

    /* Packet by packet with a history equals all packets at once. */
    memset(hist, 0, sizeof(hist));
    for (int t = 0; t < T; t++) {
        for (int b = 0; b < B; b++)
            memcpy(row_in + b * C, fin[0] + (b * T + t) * C, C * sizeof(float));
        telu_dwconv_c(NULL, row_out, row_in, hist, fin[1], fin[2], B, 1, C, K);
        for (int b = 0; b < B; b++)
            memcpy(stream + (b * T + t) * C, row_out + b * C, C * sizeof(float));
    }
    telu_dwconv_c(NULL, fy, fin[0], NULL, fin[1], fin[2], B, T, C, K);
    f.eval(y, in, f.s);
    expect("dwconv", "stream", stream, y, n, 1e-5);
}

static void eval_norm(double *o, double v[][MOST], const int *s)
{
    for (int r = 0; r < s[0]; r++) {
        const double *x = v[0] + r * s[1];
        double mean = 0.0, var = 0.0;

        for (int c = 0; c < s[1]; c++)
            mean += x[c] / s[1];
        for (int c = 0; c < s[1]; c++)
            var += (x[c] - mean) * (x[c] - mean) / s[1];
        for (int c = 0; c < s[1]; c++)
            o[r * s[1] + c] = v[1][c] * (x[c] - mean) / sqrt(var + 1e-5) + v[2][c];
    }
}

static void norm(int R, int C)
{
    const size_t n = (size_t)R * C;
    const struct formula f = { "norm", eval_norm, 3, { n, C, C }, n, { R, C } };

    prepare(&f, 1.0f, FILL);
    telu_norm_c(NULL, fy, fin[0], fin[1], fin[2], R, C);
    telu_norm_grad(grad[0], grad[1], grad[2], fdy, fin[0], fin[1], R, C);
    judge(&f, FILL);
}

static void eval_gelu(double *o, double v[][MOST], const int *s)
{
    for (int i = 0; i < s[0]; i++) {
        double x = v[0][i], u = sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x);

        o[i] = 0.5 * x * (1.0 + tanh(u));
    }
}

static void gelu(int n, float scale)
{
    const struct formula f = { "gelu", eval_gelu, 1, { n }, n, { n } };

    prepare(&f, scale, FILL);
    telu_gelu_c(NULL, fy, fin[0], n);
    telu_gelu_grad(grad[0], fdy, fin[0], n);
    judge(&f, FILL);
}

static void eval_residual(double *o, double v[][MOST], const int *s)
{
    for (int r = 0; r < s[0]; r++)
        for (int c = 0; c < s[1]; c++)
            o[r * s[1] + c] = v[2][c] * v[1][r * s[1] + c] + v[0][r * s[1] + c];
}

static void residual(int R, int C)
{
    const size_t n = (size_t)R * C;
    const struct formula f = { "residual", eval_residual, 3, { n, n, C }, n, { R, C } };

    prepare(&f, 1.0f, 0.0f);
    telu_residual_c(NULL, fy, fin[0], fin[1], fin[2], R, C);
    telu_residual_grad(grad[1], grad[2], fdy, fin[1], fin[2], R, C);
    memcpy(grad[0], fdy, n * sizeof(float));
    judge(&f, 0.0f);

    /* dh may be dy. */
    float ds[MOST] = { 0 };
    telu_residual_grad(fdy, ds, fdy, fin[1], fin[2], R, C);
    if (memcmp(fdy, grad[1], n * sizeof(float)) ||
        memcmp(ds, grad[2], (size_t)C * sizeof(float))) {
        printf("residual: gradient differs in place\n");
        failures++;
    }
}

/* Moves the clamp's end to s if a step down the gradient leads back from outside the
 * clamp. */
static void eval_head(double *o, double v[][MOST], const int *s)
{
    for (int i = 0; i < s[0]; i++) {
        const double from = fin[1][i], way = dy[i] * fin[0][i], x = v[1][i];
        const double end = fmin(fmax(from, -8.0), 3.0);
        const int back = (from < end && way < 0) || (from > end && way > 0);

        o[i] = v[0][i] * exp(back ? end + x - from : fmin(fmax(x, -8.0), 3.0));
    }
}

/* Scale 12 exceeds both ends of the clamp. Values near a kink have no derivative. */
static void head(int n, float scale)
{
    const struct formula f = { "head", eval_head, 2, { n, n }, n, { n } };

    prepare(&f, scale, 0.0f);
    for (int i = 0; i < n; i++)
        if (fabs(in[1][i] + 8.0) < 0.01 || fabs(in[1][i] - 3.0) < 0.01)
            in[1][i] = fin[1][i] = 0.0f;
    telu_head_c(NULL, fy, fin[0], fin[1], n);
    telu_head_grad(grad[0], grad[1], fdy, fin[0], fin[1], n);
    judge(&f, 0.0f);
}

/* The formula of mdct.h, term by term, without code of mdct.c. */
static void mdct(int H)
{
    const double pi = acos(-1.0);
    const int N = TELU_HOP, samples = (H + 1) * N, coefs = H * N;
    static float window[2 * TELU_HOP], c[MOST], back[MOST], other[MOST];

    telu_mdct_window(window);
    for (int i = 0; i < samples; i++)
        fin[0][i] = (float)noise();
    for (int h = 0; h < H; h++)
        for (int k = 0; k < N; k++) {
            double sum = 0.0;

            for (int t = 0; t < 2 * N; t++) {
                int u = t < N ? t : 2 * N - 1 - t;
                double w = u < 40 ? 0.0 : u >= 120 ? 1.0 :
                    sin(pi / 2 * pow(sin(pi * (u - 40 + 0.5) / 160), 2));

                if (h == 0 && k == 0 && !(fabs(window[t] - w) < 1e-7)) {
                    printf("mdct: window at %d is %g, expected %g\n", t, window[t], w);
                    failures++;
                }
                sum += w * fin[0][h * N + t] *
                       cos(pi / N * (t + 0.5 + N / 2) * (k + 0.5));
            }
            y[h * N + k] = sqrt(2.0 / N) * sum;
        }
    telu_mdct_c(NULL, c, fin[0], 1, H);
    expect("mdct", "y", c, y, coefs, 1e-6);

    /* Reconstruction is perfect where two hops overlap or the window is 1. */
    telu_imdct_c(NULL, back, c, 1, H);
    for (int i = 120; i < samples - 120; i++)
        y[i - 120] = fin[0][i];
    expect("imdct", "reconstruction", back + 120, y, samples - 240, 2e-6);

    /* The transforms are transposes: <mdct(x), d> = <x, imdct(d)>. */
    double left = 0.0, right = 0.0;
    for (int i = 0; i < coefs; i++)
        fdy[i] = (float)noise();
    telu_imdct_c(NULL, other, fdy, 1, H);
    for (int i = 0; i < coefs; i++)
        left += (double)c[i] * fdy[i];
    for (int i = 0; i < samples; i++)
        right += (double)fin[0][i] * other[i];
    if (!(fabs(left - right) < 1e-4)) {
        printf("mdct: <mdct(x), d> is %.9g, <x, imdct(d)> is %.9g\n", left, right);
        failures++;
    }
}

int main(void)
{
    rounding();
    linear(1, 1, 1);
    linear(3, 17, 5);
    linear(5, 9, 70);
    dwconv(1, 1, 1, 1);
    dwconv(2, 9, 19, 4);
    dwconv(1, 3, 67, 7);
    dwconv(3, 11, 5, 15);
    norm(1, 2);
    norm(3, 17);
    norm(2, 64);
    gelu(257, 1.0f);
    gelu(257, 8.0f);
    residual(1, 1);
    residual(5, 33);
    head(257, 2.0f);
    head(257, 12.0f);
    mdct(1);
    mdct(5);
    printf("grad_ops: %d failures\n", failures);
    return failures != 0;
}
