/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest_simd.c - see nearest.h: LANES codes at once. Rows side by side share each code that is
 * loaded.
 */
#include "nearest.h"

#include "sizes.h"
#include "target_clones.h"
#include "unroll.h"

#include <math.h>
#include <string.h>

#define LANES  TELU_NEAREST_TILE
#define ROWS   8               /* that share a tile of LANES codes */
#define TILE   4               /* of them, whose sums are in registers */
#define VECTOR 16              /* codes of such sums */

/* Half of them. An array of sums would stay in memory. */
typedef float eight __attribute__((vector_size(32)));

/* A row's nearest code so far, in each lane. */
struct found {
    float best[LANES];
    int32_t at[LANES];
};

static inline void begin(struct found *f)
{
    for (int j = 0; j < LANES; j++) {
        f->best[j] = INFINITY;
        f->at[j] = 0;
    }
}

/* Keeps nearer codes; of equal sums the earlier one stays. */
TELU_ALWAYS_INLINE void keep(struct found *restrict f, const float *restrict sum, int n, int first)
{
    for (int j = 0; j < n; j++) {
        int nearer = sum[j] < f->best[j];

        f->best[j] = nearer ? sum[j] : f->best[j];
        f->at[j] = nearer ? first + j : f->at[j];
    }
}

/* Least of LANES numbers, leaving out those that are none. */
TELU_ALWAYS_INLINE float least_of(const float *restrict x)
{
    float part[16];

    for (int j = 0; j < 16; j++)
        part[j] = INFINITY;
    for (int i = 0; i < LANES; i += 16)
        for (int j = 0; j < 16; j++)
            part[j] = x[i + j] < part[j] ? x[i + j] : part[j];
    for (int n = 8; n > 0; n /= 2)
        for (int j = 0; j < n; j++)
            part[j] = part[j + n] < part[j] ? part[j + n] : part[j];
    return part[0];
}

/* Index of the least sum, the lowest of equal ones; 0 when there is none below infinity. */
TELU_ALWAYS_INLINE int32_t winner(const struct found *f)
{
    float least = least_of(f->best);
    int32_t index = INT32_MAX;

    for (int j = 0; j < LANES; j++) {
        int32_t at = f->best[j] == least ? f->at[j] : INT32_MAX;

        index = at < index ? at : index;
    }
    return least < INFINITY ? index : 0;
}

/* Adds up the n <= LANES codes of a tile, the code `first` and those behind it. */
TELU_ALWAYS_INLINE void lanes(struct found *restrict f, const float *restrict z,
                              const float *restrict tile, const float *restrict bias, int first,
                              int n, int D)
{
    float sum[LANES] = { 0 };

    for (int j = 0; bias && j < n; j++)
        sum[j] = bias[j];

    for (int d = 0; d < D; d++, tile += n) {
        float zd = z[d];

        for (int j = 0; j < n; j++) {
            float diff = zd - tile[j];

            sum[j] += diff * diff;
        }
    }
    keep(f, sum, n, first);
}

TELU_ALWAYS_INLINE int32_t one_row(const float *z, const float *book, const float *bias, int N,
                                   int D)
{
    struct found f;
    int n = 0;

    begin(&f);
    for (; n + LANES <= N; n += LANES)
        lanes(&f, z, book + (size_t)n * D, bias ? bias + n : NULL, n, LANES, D);
    if (n < N)
        lanes(&f, z, book + (size_t)n * D, bias ? bias + n : NULL, n, N - n, D);
    return winner(&f);
}

/* --- Rows side by side -------------------------------------------------------- */

/* Half a sum less |z|^2 / 2 is bias / 2 + |c|^2 / 2 - z c: one multiplication and one addition for
 * each number find which codes may be the nearest. LANES codes at a time that are too far for any
 * rounding to matter are left out; those of the others get the sums of nearest.h.
 */
struct rough {
    float half[LANES];         /* |c|^2 / 2 of the codes of a tile */
    float least[ROWS][TELU_MAX_CODES / LANES];         /* of the tiles, for each row */
    float most[ROWS][LANES];   /* largest |c|^2 / 2 + |bias| / 2 so far */
};

/* Computes -z c of VECTOR codes of a tile for `rows` rows, and their half when it is not NULL, with
 * which the codes of the next tile are fetched; that may pass the end. */
TELU_ALWAYS_INLINE void products(float *restrict sum, float *restrict half,
                                 const float *restrict z, const float *restrict tile, int D,
                                 int rows)
{
    eight low[TILE], high[TILE], low_half = { 0 }, high_half = { 0 };

    UNROLL for (int r = 0; r < rows; r++)
        low[r] = high[r] = (eight){ 0 };
    for (int d = 0; d < D; d++, tile += LANES) {
        eight a, b;

        memcpy(&a, tile, sizeof(a));
        memcpy(&b, tile + VECTOR / 2, sizeof(b));
        if (half) {
            __builtin_prefetch(tile + (size_t)D * LANES);
            low_half += 0.5f * a * a;
            high_half += 0.5f * b * b;
        }
        UNROLL for (int r = 0; r < rows; r++) {
            low[r] -= z[r * D + d] * a;
            high[r] -= z[r * D + d] * b;
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        memcpy(sum + r * LANES, &low[r], sizeof(low[r]));
        memcpy(sum + r * LANES + VECTOR / 2, &high[r], sizeof(high[r]));
    }
    if (half) {
        memcpy(half, &low_half, sizeof(low_half));
        memcpy(half + VECTOR / 2, &high_half, sizeof(high_half));
    }
}

/* The same for 1 row or more, at most TILE of them. */
TELU_ALWAYS_INLINE void some_products(float *restrict sum, float *restrict half,
                                      const float *restrict z, const float *restrict tile, int D,
                                      int rows)
{
    if (rows >= TILE)
        products(sum, half, z, tile, D, TILE);
    else if (rows == 3)
        products(sum, half, z, tile, D, 3);
    else if (rows == 2)
        products(sum, half, z, tile, D, 2);
    else
        products(sum, half, z, tile, D, 1);
}

/* Adds to the sums of a row what z does not change. */
TELU_ALWAYS_INLINE void finish(float *restrict sum, float *restrict most,
                               const float *restrict half, const float *restrict bias)
{
    for (int j = 0; bias && j < LANES; j += 16)
        __builtin_prefetch(bias + LANES + j);              /* may pass the end */
    for (int j = 0; j < LANES; j++) {
        float b = bias ? 0.5f * bias[j] : 0.0f, size = half[j] + fabsf(b);

        sum[j] += half[j] + b;
        most[j] = size > most[j] ? size : most[j];
    }
}

/* Passes a tile, the code `first` and those behind it. */
TELU_ALWAYS_INLINE void pass(struct rough *w, const float *z, const float *tile,
                             const float *const *bias, int first, int rows, int D)
{
    _Alignas(64) float sum[ROWS * LANES];

    for (int lane = 0; lane < LANES; lane += VECTOR) {
        some_products(sum + lane, w->half + lane, z, tile + lane, D, rows);
        for (int r = TILE; r < rows; r += TILE)
            some_products(sum + r * LANES + lane, NULL, z + r * D, tile + lane, D, rows - r);
    }
    for (int r = 0; r < rows; r++) {
        finish(sum + r * LANES, w->most[r], w->half, bias[r] ? bias[r] + first : NULL);
        w->least[r][first / LANES] = least_of(sum + r * LANES);
    }
}

/* Largest rough value that the nearest code of a row may have. 2 D + 16 roundings, each counted
 * twice, of numbers up to |z|^2 / 2 + |c|^2 + |bias| / 2, here and in the sums themselves. */
static float limit(const struct rough *w, const float *z, int r, int tiles, int D)
{
    float least = INFINITY, most = 0.0f, zz = 0.0f, unit = (float)(2 * D + 16) * 0x1p-23f;

    for (int i = 0; i < tiles; i++)
        least = w->least[r][i] < least ? w->least[r][i] : least;
    for (int j = 0; j < LANES; j++)
        most = w->most[r][j] > most ? w->most[r][j] : most;
    for (int d = 0; d < D; d++)
        zz += z[d] * z[d];
    return least + 4.0f * unit * (most + fabsf(least) + zz) + 1e-36f;
}

TELU_ALWAYS_INLINE void some_rows(int32_t *index, const float *z, const float *book,
                                  const float *const *bias, int rows, int N, int D)
{
    struct rough w = { .most = { { 0 } } };

    for (int first = 0; first < N; first += LANES)
        pass(&w, z, book + (size_t)first * D, bias, first, rows, D);
    for (int r = 0; r < rows; r++, z += D) {
        float most = limit(&w, z, r, N / LANES, D);
        const int all = !(most < 1e30f);       /* also when it is not a number */
        struct found f;

        begin(&f);
        for (int n = 0; n < N; n += LANES)
            if (all || w.least[r][n / LANES] <= most)
                lanes(&f, z, book + (size_t)n * D, bias[r] ? bias[r] + n : NULL, n, LANES, D);
        index[r] = winner(&f);
    }
}

TELU_TARGET_CLONES
int telu_nearest_simd(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, const int32_t *line, int R, int N,
                      int D)
{
    (void)ctx;
    for (int r = 0; r < R; r += ROWS) {
        int rows = R - r < ROWS ? R - r : ROWS;
        const float *begins[ROWS];

        for (int i = 0; i < rows; i++)
            begins[i] = telu_nearest_bias(bias, line, r + i, N);
        if (rows > 1 && N % LANES == 0)
            some_rows(index + r, z + (size_t)r * D, book, begins, rows, N, D);
        else
            for (int i = 0; i < rows; i++)
                index[r + i] = one_row(z + (size_t)(r + i) * D, book, begins[i], N, D);
    }
    return 0;
}
