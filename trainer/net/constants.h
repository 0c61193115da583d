/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* constants.h - the constants of a training step, for the CPU's files here and the
 * device's in ../cuda. */
#ifndef TRAINER_CONSTANTS_H
#define TRAINER_CONSTANTS_H

/* An item starts MODEL_LEAD samples before its clip's first complete sample, and its
 * sound is complete until MODEL_TAIL before its end: model.h. */
#define MODEL_LEAD 120
#define MODEL_TAIL 120

/* --- AdamW, step.h and adamw.h --- */

#define ADAM_BETA1 0.8f
#define ADAM_BETA2 0.99f
#define ADAM_EPS   1e-8f
#define WEIGHT_DECAY 0.01f     /* of matrices */
#define GRADIENT_CLIP 1.0      /* greatest length of the whole gradient */

/* --- Quantiser, vq.h --- */

#define COMMIT_WEIGHT 0.25f
#define LATENT_WEIGHT 0.15f    /* of mean z^2; 0.5 delays the first thousand steps */
#define ENERGY_EPS 1e-3f       /* added to the mean of z_0^2 */

/* Shares of the mean use: a code below CODE_DEAD is dead and restarts at CODE_REBORN. The
 * decay between them gives a new code time to attract rows. */
#define CODE_DEAD   0.03f
#define CODE_REBORN 0.08f
#define CODE_NOISE  1e-3f      /* noise added to the row that becomes a new code */
#define CODE_EPS    1e-6f      /* added to a code's running count */

/* --- Losses, loss.h --- */

#define LOSS_SCALES 3
#define LOSS_FFTS { 128, 512, 1024 }
#define LOSS_MELS { 20, 60, 80 }       /* triangles per FFT */
#define LOSS_LONGEST 1024      /* the longest FFT, and so the least samples of an item */
#define LOSS_EPS 1e-8f         /* added to |Z|^2: 1e-4 of amplitude */
#define LOSS_MEL_EPS 1e-4f
#define LOSS_COMPRESS 0.35f    /* C(Z) = Z (|Z|^2)^-0.35 */
#define LOSS_WAVE_ENERGY 1e-3  /* added to the energy of an item */
#define LOSS_WAVE_EPS 1e-4     /* added to the relative error */

/* --- Balancer, balance.h --- */

#define BALANCE_TERMS 3        /* mel, cpx, wave */
#define BALANCE_DECAY 0.99
#define BALANCE_EPS 1e-12

/* A waveform gradient keeps its direction over many samples, a spectral one changes it
 * with each. So, through the network, 1.5 % of wave weigh about as much as half of mel
 * (gradients of the weights after 400 steps: wave 1.7, mel 2.2, cpx 1.0). */
#define BALANCE_SHARES { 0.50, 0.485, 0.015 }

/* Weights of the loss without balancing: they define the common size. */
#define BALANCE_WEIGHTS { 1.0, 6.0, 1.0 }

#endif
