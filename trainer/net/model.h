/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.h - the base layer in training: waveform -> MDCT -> encoder -> residual VQ
 * -> decoder -> inverse MDCT, forward and backward as lists of calls. The network is
 * the one of kernels/codec/encoder.c and decoder.c, with all packets at once.
 *
 *   x (B, (2T+1) 160) -mdct-> c (B, 2T, 160) -compand-> (R, 640) -in-> (R, enc)
 *     -blocks-> -out-> latent (R, latent) -vq-> -in-> (R, dec) -blocks->
 *     value, scale (R, 320) -head-> y (B, 2T, 160) -imdct-> wave (B, (2T+1) 160)
 *
 * R = B T packets. Sample 0 of x and wave is sample -120 of the clip. wave is complete
 * from MODEL_LEAD on until MODEL_TAIL before its end; outside, a neighbouring hop is
 * missing.
 */
#ifndef MODEL_H
#define MODEL_H

#include "constants.h"
#include "params.h"
#include "stack.h"
#include "vq.h"

/* Complete samples of T packets, from the clip's sample 0 on. */
#define MODEL_COMPLETE(T) (TELU_PACKET * (T) - TELU_DELAY)

struct model {
    struct telu_config cfg;
    struct params *p;
    struct vq *vq;
    struct stack enc, dec;
    struct param *enc_in_w, *enc_in_b, *enc_out_w, *enc_out_b, *dec_in_w, *dec_in_b;
    struct param *value_w, *value_b, *scale_w, *scale_b;
    int rows;                  /* capacity of the following */
    float *c, *features, *enc_x, *latent, *sum, *dec_x, *v, *s, *y, *wave;
    float *dx;
    struct stack_scratch scratch;
};

struct model *model_new(const struct telu_config *cfg, struct rng *rng);
void model_free(struct model *m);

/* Computes m->wave from x. stages [B] descending, 1 .. cfg.stages. decay and the returned
 * commitment loss: see vq_forward(). */
double model_forward(struct model *m, const float *x, const int *stages, int B, int T,
                     float decay);

/* Adds gradients to m->p->grad from dwave, which has wave's shape and may be changed.
 * commit, size: weights in vq_backward(). Call it after its model_forward(). */
void model_backward(struct model *m, float *dwave, const int *stages, int B, int T,
                    float commit, float size);

#endif
