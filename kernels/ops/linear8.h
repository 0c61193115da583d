/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8.h - y = x w^T + b in integers: weights of 8 bits, inputs of 12, sums of 32.
 *
 *   m    = max |x[r][i]| over the row, FLT_MAX at most
 *   q[i] = round(x[r][i] * (2047 / m)); all 0 when m < 1e-30
 *   y[r][o] = float(sum_i q[i] * w[o][i]) * ((m / 2047) * s[o]) + b[o]
 *
 * Integers add up to the same in any order, and each float operation here is rounded once, to
 * nearest even, so every machine, vector width and device gives the same bits. Infinities and NaNs
 * count as m with their sign. No sum leaves 32 bits: TELU_LINEAR8_INPUTS * 128 * 2047 < 2^31.
 *
 * x (R, I), y (R, O), s and b (O), b NULL: zeros. I <= TELU_LINEAR8_INPUTS. y must not overlap the
 * inputs. w is packed for one live stream, whose time goes to reading weights: outputs form panels
 * of 64, the last one padded with zeros; panel p holds a row for each two inputs 2i and 2i + 1, and
 * bytes 2j and 2j + 1 of it are their weights for output 64p + j.
 */
#ifndef TELU_LINEAR8_H
#define TELU_LINEAR8_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_LINEAR8_INPUTS 4096
#define TELU_LINEAR8_MOST   2047       /* of an input */
#define TELU_LINEAR8_PANEL  64         /* outputs */
#define TELU_LINEAR8_ROWS   4          /* that share a weight in a register */

int telu_linear8_c(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                   const float *s, const float *b, int R, int I, int O);
int telu_linear8_simd(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                      const float *s, const float *b, int R, int I, int O);
int telu_linear8_cuda(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                      const float *s, const float *b, int R, int I, int O);

/* Bytes of a packed (O, I) matrix. */
size_t telu_linear8_bytes(int I, int O);

/* Quantises w (O, I), bfloat16 bits as in a weight file, finite: s[o] = max |w[o][i]| / 127, and
 * packed gets round(w / s), on the host. A row of zeros has s = 0. */
void telu_linear8_pack(int8_t *packed, float *s, const uint16_t *w, int I, int O);

/* The two halves of that: q (O, I), row by row as in a weight file of integers, and s (O) from w;
 * packed from q, -127 to 127. */
void telu_linear8_integers(int8_t *q, float *s, const uint16_t *w, int I, int O);
void telu_linear8_place(int8_t *packed, const int8_t *q, int I, int O);

/* For tests: quantises a row to q as above, with a zero behind an odd I; returns m / 2047, or 0
 * when all are 0. */
float telu_linear8_quantise(int16_t *q, const float *x, int I);

/* For tests: a way to add up a panel on this machine, sum[r][64] = w q[r] for pairs of inputs and 1
 * to TELU_LINEAR8_ROWS rows, which begin `stride` numbers apart. */
struct telu_linear8_panel {
    const char *name;
    void (*sum)(int32_t *sum, const int8_t *w, const int16_t *q, int stride, int pairs, int rows);
    bool (*available)(void);
};

/* All that this build has, the best first; the last one is always available. */
extern const struct telu_linear8_panel telu_linear8_panels[];

#ifdef __cplusplus
}
#endif
#endif
