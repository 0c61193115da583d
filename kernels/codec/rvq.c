/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rvq.c - residual vector quantiser: each stage picks the code nearest to the residual of the
 * stages before it. The search runs in a space of few dimensions, one for each stage.
 *
 *   r = latent
 *   stage s:   z = in(r)     code = nearest(z)     v = out(book[code])      (code.h: at what cost)
 *              r -= v        sum += v
 *
 * A prefix names a node of the last stage's tree: the mean of the codes below it. Rows of a pass go
 * through a stage together, and share its matrices and its book.
 */
#include "network.h"

#include "code.h"
#include "target_clones.h"
#include "unroll.h"

#include <string.h>

/* --- Matrices of a stage ---------------------------------------------------- */

#define ROWS    4              /* of a pass, with sums in registers */
#define VECTORS 8              /* of sums, of a row alone */

typedef float eight __attribute__((vector_size(32)));

/* Computes 8 * vectors outputs of `rows` rows. */
TELU_ALWAYS_INLINE void outputs(float *restrict y, const float *restrict x,
                                const float *restrict w, const float *restrict b, int I, int O,
                                int rows, int vectors)
{
    eight sum[ROWS][VECTORS];

    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            memcpy(&sum[r][v], b + 8 * v, sizeof(sum[r][v]));
    for (int i = 0; i < I; i++, w += O)
        UNROLL for (int v = 0; v < vectors; v++) {
            eight weights;

            memcpy(&weights, w + 8 * v, sizeof(weights));
            UNROLL for (int r = 0; r < rows; r++)
                sum[r][v] += x[(size_t)r * I + i] * weights;
        }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            memcpy(y + (size_t)r * O + 8 * v, &sum[r][v], sizeof(sum[r][v]));
}

/* y [rows][O] = x [rows][I] w + b, w (I, O): as linear.h with the transposed matrix, each sum in
 * order of i. */
TELU_TARGET_CLONES
static void project(float *y, const float *x, const float *w, const float *b, int rows, int I,
                    int O)
{
    for (int r = 0, n; r < rows; r += n, y += (size_t)n * O, x += (size_t)n * I) {
        int o = 0;

        n = rows - r < ROWS ? 1 : ROWS;
        for (; n > 1 && o + 16 <= O; o += 16)
            outputs(y + o, x, w + o, b + o, I, O, ROWS, 2);
        for (; n > 1 && o + 8 <= O; o += 8)
            outputs(y + o, x, w + o, b + o, I, O, ROWS, 1);
        for (; o + 8 * VECTORS <= O; o += 8 * VECTORS)
            outputs(y + o, x, w + o, b + o, I, O, 1, VECTORS);
        for (; o + 32 <= O; o += 32)
            outputs(y + o, x, w + o, b + o, I, O, 1, 4);
        for (; o + 8 <= O; o += 8)
            outputs(y + o, x, w + o, b + o, I, O, 1, 1);
        for (int k = 0; k < n; k++)
            for (int j = o; j < O; j++) {
                float sum = b[j];

                for (int i = 0; i < I; i++)
                    sum += x[(size_t)k * I + i] * w[(size_t)i * O + j];
                y[(size_t)k * O + j] = sum;
            }
    }
}

/* --- Nodes --------------------------------------------------------------------- */

/* Centroid of the codes that begin with a prefix of `bits` bits. */
static const float *node(const struct telu_model *m, int s, int prefix, int bits)
{
    return m->vq[s].tree + ((size_t)(1 << bits) + prefix) * m->vq[s].dim;
}

/* Nearest node of `bits` bits, the lowest of equal ones. A plain search does: nodes are few and
 * searches rare. */
static int nearest_node(const struct telu_model *m, int s, int bits, const float *z)
{
    float least = 0.0f;
    int best = 0;

    for (int v = 0; v < 1 << bits; v++) {
        const float *c = node(m, s, v, bits);
        float sum = 0.0f;

        for (int d = 0; d < m->vq[s].dim; d++)
            sum += (z[d] - c[d]) * (z[d] - c[d]);
        if (v == 0 || sum < least) {
            least = sum;
            best = v;
        }
    }
    return best;
}

/* Latents of rows on their way, in the scratch of a pass, and the order of the rows there. */
struct rows {
    const struct telu_rvq_row *row[TELU_NET_ROWS];
    float *r;                  /* [rows][latent] residual, when searching */
    float *v;                  /* [rows][latent] what a stage decodes to */
    float *z;                  /* [rows][dim] of a stage: searched for, then the code */
};

static int stages_of(const struct telu_rvq_row *p)
{
    return p->S + (p->prefix_bits > 0);
}

/* Rows of more stages come first, so that those of a stage lie together; of these the ones with a
 * whole code. */
static int before(const struct telu_rvq_row *a, const struct telu_rvq_row *b)
{
    return stages_of(a) > stages_of(b) || (stages_of(a) == stages_of(b) && a->S > b->S);
}

static void sort(struct rows *w, const struct telu_rvq_row *row, int rows)
{
    for (int i = 0; i < rows; i++) {
        int at = i;

        for (; at > 0 && before(&row[i], w->row[at - 1]); at--)
            w->row[at] = w->row[at - 1];
        w->row[at] = &row[i];
    }
}

/* Chooses the codes of stage s for the first n rows, of which `whole` take a whole code. */
static int search(struct telu_ctx *ctx, const struct telu_model *m, const struct rows *w, int s,
                  int n, int whole)
{
    const struct telu_stage *st = &m->vq[s];
    int32_t code[TELU_NET_ROWS], line[TELU_NET_ROWS];

    project(w->z, w->r, st->tin, st->inb, n, m->cfg.latent, st->dim);
    for (int i = 0; i < whole; i++)
        line[i] = w->row[i]->coded ? telu_code_row(&m->tab, s, w->row[i]->codes[0]) : -1;
    if (whole && ctx->be->nearest(ctx, code, w->z, st->tiles, m->tab.bias_of_code, line, whole,
                                  m->cfg.codes, st->dim))
        return -1;
    for (int i = 0; i < n; i++) {
        const struct telu_rvq_row *p = w->row[i];

        if (i < whole)
            p->codes[s] = code[i];
        else
            *p->prefix = nearest_node(m, s, p->prefix_bits, w->z + (size_t)i * st->dim);
    }
    return 0;
}

/* Adds to the sums of the first n rows what their codes of stage s decode to. */
static void add_stage(const struct telu_model *m, const struct rows *w, int s, int n, int whole)
{
    const struct telu_stage *st = &m->vq[s];
    const int latent = m->cfg.latent;

    for (int i = 0; i < n; i++) {
        const struct telu_rvq_row *p = w->row[i];

        memcpy(w->z + (size_t)i * st->dim,
               i < whole ? st->book + (size_t)p->codes[s] * st->dim
                         : node(m, s, *p->prefix, p->prefix_bits),
               (size_t)st->dim * sizeof(float));
    }
    project(w->v, w->z, st->tout, st->outb, n, st->dim, latent);
    for (int i = 0; i < n; i++) {
        const struct telu_rvq_row *p = w->row[i];
        const float *v = w->v + (size_t)i * latent;
        float *r = w->r + (size_t)i * latent;

        for (int k = 0; k < latent; k++)
            p->sum[k] += v[k];
        for (int k = 0; p->latent && k < latent; k++)
            r[k] -= v[k];
    }
}

int telu_rvq_run(struct telu_ctx *ctx, const struct telu_model *m, const struct telu_rvq_row *row,
                 int rows, float *scratch)
{
    const size_t latent = (size_t)m->cfg.latent;
    const struct telu_net_scratch x = telu_net_scratch_in(scratch, rows, m->cfg.latent);
    struct rows w = { .r = x.a, .v = x.b, .z = x.h };

    sort(&w, row, rows);
    for (int i = 0; i < rows; i++) {
        memset(w.row[i]->sum, 0, latent * sizeof(float));
        if (w.row[i]->latent)
            memcpy(w.r + i * latent, w.row[i]->latent, latent * sizeof(float));
        if (w.row[i]->latent)
            *w.row[i]->prefix = 0;
    }
    for (int s = 0;; s++) {
        int n = 0, whole = 0;

        for (; n < rows && stages_of(w.row[n]) > s; n++)
            whole += w.row[n]->S > s;
        if (!n)
            return 0;
        if (w.row[0]->latent && search(ctx, m, &w, s, n, whole))
            return -1;
        add_stage(m, &w, s, n, whole);
    }
}

int telu_rvq_encode(struct telu_ctx *ctx, const struct telu_model *m, int *codes,
                    int S, int *prefix, int prefix_bits, int coded, float *sum,
                    const float *latent)
{
    const struct telu_rvq_row row = { codes, S, prefix, prefix_bits, coded, sum, latent };
    _Alignas(64) float scratch[TELU_NET_ROW_SCRATCH];

    return telu_rvq_run(ctx, m, &row, 1, scratch);
}

int telu_rvq_decode(struct telu_ctx *ctx, const struct telu_model *m, float *sum,
                    const int *codes, int S, int prefix, int prefix_bits)
{
    const struct telu_rvq_row row = { (int *)codes, S, &prefix, prefix_bits, 0, sum, NULL };
    _Alignas(64) float scratch[TELU_NET_ROW_SCRATCH];

    return telu_rvq_run(ctx, m, &row, 1, scratch);
}
