/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_gpu.h - shared by the parts of bench_gpu: the module, the model, and the printing
 * of table rows. */
#ifndef BENCH_GPU_H
#define BENCH_GPU_H

#include "bench_time.h"
#include "module.h"
#include "weights.h"

#include "training.h"

struct bench {
    const struct telu_module *mod;
    struct telu_model *m;
    int device;
    int smoke;                 /* 1: small sizes, to test that it runs */
    int shim;                  /* 1: no GPU; times mean nothing and are not printed */
    double copy;               /* bytes/s of the device, read and written; 0: not known */
    double sgemm;              /* FLOP/s of the device in fp32 */
    int batch, warm, packets;  /* for bench_count() */
    float *sound;              /* SOUND samples */
};

#define BENCH_SOUND (16 * TELU_RATE)

/* Prints "| what | setting | ... |", the last by fmt; on the shim "shim, not a GPU" replaces
 * it. */
void bench_row(const struct bench *b, const char *what, const char *setting,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Prints what failed, with the module's error; returns 1. */
int bench_failed(const struct bench *b, const char *what);

/* The parts return 0, or 1 after a message on stderr. */
int bench_one(struct bench *b);        /* one stream: time per packet */
int bench_streams(struct bench *b);    /* batches of 1 .. 65536 streams */
int bench_count(struct bench *b);      /* packets, while count_calls.c or ncu counts */
int bench_train(struct bench *b);      /* training steps */
int bench_ops(struct bench *b);        /* ops against the device's limits */

/* Reads a weight file; NULL after a message on stderr. */
struct telu_model *bench_model(const char *path);

#endif
