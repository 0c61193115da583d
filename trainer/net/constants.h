/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* constants.h - the numbers of a training step, for the CPU's files here and for the
 * device's in ../cuda. A change here changes every step on both. */
#ifndef TRAINER_CONSTANTS_H
#define TRAINER_CONSTANTS_H

/* A cropped item starts so many samples before its clip's first complete sample, and its
 * sound is complete up to so many before its end: model.h. */
#define MODEL_LEAD 120
#define MODEL_TAIL 120

/* --- AdamW, step.h and adamw.h --- */

#define ADAM_BETA1 0.8f
#define ADAM_BETA2 0.99f
#define ADAM_EPS   1e-8f
#define WEIGHT_DECAY 0.01f     /* of matrices */
#define GRADIENT_CLIP 1.0      /* length of the whole gradient, at most */

/* --- Quantiser, vq.h --- */

#define COMMIT_WEIGHT 0.25f
#define LATENT_WEIGHT 0.15f    /* of mean z^2; 0.5 holds the first thousand steps up */
#define ENERGY_EPS 1e-3f       /* added to the mean of z_0^2 */

/* Shares of the mean use below which a code is dead, and with which it begins anew: a new
 * code has the time of the decay between them to find followers. */
#define CODE_DEAD   0.03f
#define CODE_REBORN 0.08f
#define CODE_NOISE  1e-3f      /* added to the row that a new code is put onto */
#define CODE_EPS    1e-6f      /* added to a code's running count */

/* --- Losses, loss.h --- */

#define LOSS_SCALES 3
#define LOSS_FFTS { 128, 512, 1024 }
#define LOSS_MELS { 20, 60, 80 }       /* triangles of each */
#define LOSS_LONGEST 1024      /* the longest FFT: samples that an item has at least */
#define LOSS_EPS 1e-8f         /* added to |Z|^2: 1e-4 of amplitude */
#define LOSS_MEL_EPS 1e-4f
#define LOSS_COMPRESS 0.35f    /* C(Z) = Z (|Z|^2)^-0.35 */
#define LOSS_WAVE_ENERGY 1e-3  /* added to the energy of an item */
#define LOSS_WAVE_EPS 1e-4     /* added to the relative error */

/* --- Balancer, balance.h --- */

#define BALANCE_TERMS 3        /* mel, cpx, wave */
#define BALANCE_DECAY 0.99
#define BALANCE_EPS 1e-12

/* A waveform gradient points one way in many samples, a spectral one in every sample
 * another: through the network 1.5 % of wave weigh about as much as half of mel (at 400
 * steps the gradients of the weights were 1.7, 2.2 and, cpx, 1.0). */
#define BALANCE_SHARES { 0.50, 0.485, 0.015 }

/* Those of the loss without balancing: they give the common size. */
#define BALANCE_WEIGHTS { 1.0, 6.0, 1.0 }

#endif
