/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_gpu.h - what the parts of bench_gpu share: the module, the model, and the rows
 * of the table that they print. */
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
    int smoke;                 /* 1: small sizes, to see that it runs */
    int shim;                  /* 1: no GPU; its times mean nothing, and are not shown */
    double copy;               /* bytes/s of the card, read and written; 0: not known */
    double sgemm;              /* FLOP/s of the card in fp32 */
    int batch, warm, packets;  /* of `count` */
    float *sound;              /* SOUND samples */
};

#define BENCH_SOUND (16 * TELU_RATE)

/* "| what | setting | ... |", the last by fmt; on the shim "shim, not a GPU" stands
 * instead of it. */
void bench_row(const struct bench *b, const char *what, const char *setting,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Says what failed, with the module's error; returns 1. */
int bench_failed(const struct bench *b, const char *what);

/* Parts; 0, or 1 after a word on stderr. */
int bench_one(struct bench *b);        /* one stream: time per packet */
int bench_streams(struct bench *b);    /* batches of 1 .. 65536 streams */
int bench_count(struct bench *b);      /* packets, for somebody else to count by */
int bench_train(struct bench *b);      /* training steps */
int bench_ops(struct bench *b);        /* ops against what the card can do */

/* A model out of a file by flatten_weights.py; NULL after a word on stderr. */
struct telu_model *bench_model(const char *path);

#endif
