/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_case.h - shared by check.c and check_case.c: a table and the current case. */
#ifndef CHECK_CASE_H
#define CHECK_CASE_H

#include "check.h"

#define CHECK_BUFFERS 8

struct check_table {
    const struct telu_backend *be;
    const struct telu_grads *grads;        /* NULL: it has none */
    const char *(*error)(void);
    int device;
};

/* Context of check.h's callbacks: grads beside the ctx. */
struct check_ctx {
    struct telu_ctx ctx;
    const struct telu_grads *grads;
};

struct check_buffer {
    uint32_t *host;            /* initial contents, guards included */
    size_t n;
    int written, integer;
    float tol, least;
};

struct check {
    const struct check_table *table;
    const char *op;
    uint64_t random;
    int bench, quiet;
    long calls, failures;

    /* the current case */
    check_call call;
    int size[8];
    char text[160];
    double macs;
    struct check_buffer buf[CHECK_BUFFERS];
    int buffers;
    float *floats[CHECK_BUFFERS];
    int float_count;
};

/* Plain C, the definition. */
extern const struct check_table check_plain;

void check_failed(struct check *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
