/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vq.h - the residual vector quantiser in training.
 *
 *   r_0 = latent;   z_s = in_s r_s;   q_s = nearest code to z_s;   e_s = out_s q_s
 *   r_{s+1} = r_s - e_s;   sum = e_0 + ... + e_{S-1}
 *
 * Straight-through: in the backward pass q_s counts as z_s. Each item of a batch has its
 * own S (quantiser dropout); items come with S descending, so that the first rows are in
 * use, and only they teach a codebook. Codebooks start from data and follow the running
 * mean of the residuals assigned to each code; a code unused for long restarts on a
 * random row.
 *
 * A stage first gathers its statistics and then learns from them, so that several ranks
 * can sum these (reduce.h), twice in a stage:
 *   before the search: the energy of the z, and the row drawn for each code;
 *   after it: the number of rows that chose each code, and their sum.
 */
#ifndef VQ_H
#define VQ_H

#include "counter_rng.h"
#include "params.h"
#include "reduce.h"

#include <stdint.h>

struct vq_stage {
    int dim;
    struct param *in_w, *in_b, *out_w, *out_b, *book;
    float *count, *total;      /* running means: rows per code, their sum */
    float *z, *q, *r;          /* of the last forward: (R, dim) twice, (R, latent) */
    uint32_t *hits;            /* (codes): choices since vq_clear_use() */
};

/* One stage's sums; each half is one piece of memory, to be summed over ranks. */
struct vq_gathered {
    float *energy;             /* sum of z^2; then */
    float *row;                /* (codes, dim): the row drawn for each code */
    float *count;              /* (codes): rows that chose it; then */
    float *sum;                /* (codes, dim): the sum of these rows */
};

struct vq {
    int stages, codes, latent;
    int ready;                 /* bit s: codebook s has been taken from data */
    int bypass;                /* q = z: finite differences then see the straight-through
                                * gradient */
    uint32_t restarts;
    struct counter_rng rng;    /* draws rows and noise */
    const struct reduce *reduce;   /* NULL: one rank */
    struct vq_gathered got;
    struct vq_stage s[TELU_MAX_STAGES];
    float *state;              /* all count and total in one piece, to be saved */
    size_t state_total;
    uint32_t *hits;            /* (stages, codes): those of all stages */
    int rows;                  /* capacity of z, q, r and the rest */
    int32_t *index;            /* (stages, R) */
    float *energy;             /* per item: 1 / energy of its z_0 */
    float *dr, *de, *dz, *e;
};

/* Starts each projection as orthonormal rows and `out` as its transpose, so that a stage
 * subtracts its input's projection from the first step on. */
struct vq *vq_new(const struct telu_config *cfg, struct params *p, struct rng *rng);
void vq_free(struct vq *v);

/* x (B, T, latent) -> sum, likewise. stages [B], descending. `decay` > 0: training
 * step, codebooks move with that decay. Returns the commitment loss: per item the
 * sum over its stages of mean (z - q)^2 over the mean energy of z_0, averaged over
 * items (of this rank); being relative it cannot grow by the latent growing. */
double vq_forward(struct vq *v, float *sum, const float *x, const int *stages,
                  int B, int T, float decay);

/* d sum -> dx (written), parameters' gradients added, with weights of the commitment loss
 * and of the size of the latents: the sum over an item's stages of mean z^2. Without the
 * latter they grow without limit, since the codebooks follow and no other loss opposes: a
 * thousandfold in 27,000 steps, until a step is too long for the small remaining weights
 * of the decoder. Buffers (B, T, latent). */
void vq_backward(struct vq *v, float *dx, const float *dsum, const int *stages,
                 int B, int T, float commit, float size);

/* Writes, per stage, the share of the codes chosen since the last vq_clear_use(). */
void vq_use(const struct vq *v, float *share);
void vq_clear_use(struct vq *v);

#endif
