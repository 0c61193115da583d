/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* training.h - training steps on a device: the part of the CUDA module that
 * telucodec-train uses. The CPU's step.c is its definition.
 *
 * A trainer on a device keeps weights, codebooks and all running means there; put() and
 * get() move them from and to the host's structs, whose layouts stand in params.h,
 * adamw.h, vq.h and balance.h. Each function returns 0, or -1 with the module's error(),
 * unless it says otherwise; a trainer can only be closed after an error of CUDA.
 */
#ifndef TELU_TRAINING_H
#define TELU_TRAINING_H

#include "config.h"
#include "trainer_state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum telu_precision {
    TELU_TRAIN_FP32,
    TELU_TRAIN_BF16            /* the network's products and the activations between them;
                                * weights, sums, quantiser and losses stay in fp32 */
};

struct telu_train_result {
    double mel, cpx, wave, commit, norm;
};

#define TELU_TRAIN_STAGING 4   /* batches in pinned memory */
#define TELU_TRAIN_RESULTS 64  /* steps whose results the device keeps */

/* Sums `n` floats of device memory over all ranks, in place, as in ranks.h; stream is
 * CUDA's. */
typedef int (*telu_train_reduce)(void *user, float *device, size_t n, void *stream);

struct telu_training {
    /* B items of T packets. NULL with the module's error(). */
    void *(*open)(int device, const struct telu_config *cfg, int B, int T,
                  enum telu_precision precision);
    void (*close)(void *t);

    /* Each waits for the steps that were started. */
    int (*put)(void *t, const struct telu_train_state *s);
    int (*get)(void *t, struct telu_train_state *s);

    /* Makes this one rank of several (reduce.h): fn sums codebook statistics, sizes of
     * the losses' gradients and the gradient. NULL: one rank again. */
    int (*reduce)(void *t, telu_train_reduce fn, void *user, int rank, int ranks);

    /* Returns pinned memory for a batch, (B, (2T+1) 160) floats as trainer->x, `which` 0
     * .. TELU_TRAIN_STAGING - 1. Waits until the last step has read it. Any thread may
     * call this. NULL with the module's error(). */
    float *(*staging)(void *t, int which);

    /* Queues one step and returns at once. stages [B], descending. At most
     * TELU_TRAIN_RESULTS steps between two calls of results(). */
    int (*step)(void *t, int which, const int *stages, float rate, float decay);

    /* Waits, and writes the results of the steps since the last call, the oldest first,
     * at most `most`. Returns their number, or -1. */
    int (*results)(void *t, struct telu_train_result *r, int most);

    /* Runs loss_run() alone, for the tests: arrays of the host with trainer->stride, read
     * and written from MODEL_LEAD on. */
    int (*loss)(void *t, float *mel, float *cpx, float *wave, double value[3],
                const float *x, const float *y);
};

/* The module's; training.cu. */
extern const struct telu_training telu_training_cuda;

#ifdef __cplusplus
}
#endif
#endif
