/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights.h - the model in memory, and the reader of weight files (FORMAT.md 2).
 *
 * A weight file is hostile input: the reader checks every offset, shape, type and number before
 * it keeps a pointer. A bad file gives NULL, and telu_error() names the file, the tensor or
 * field, its value and the expected one.
 */
#ifndef TELU_WEIGHTS_H
#define TELU_WEIGHTS_H

#include "config.h"
#include "refine.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct telu_linear8 {
    const int8_t *w;           /* packed, linear8.h */
    const float *s, *b;        /* (O), (O) */
    int I, O;
};

struct telu_block {            /* ConvNeXt block, network.h */
    const float *dw, *dwb;     /* (C, K), (C) */
    const float *tdw;          /* (K, C): dw transposed, for live streams */
    const float *g, *nb;       /* norm: (C), (C) */
    struct telu_linear8 up, down;
    const float *scale;        /* (C) */
};

struct telu_stage {
    int dim;
    const float *in, *inb;     /* (dim, latent), (dim) */
    const float *out, *outb;   /* (latent, dim), (latent) */
    const float *tin, *tout;   /* (latent, dim), (dim, latent): in and out transposed, for rvq.c */
    const float *book;         /* (codes, dim) */
    const float *tbook;        /* (dim, codes): transposed, for the device's search */
    const float *tiles;        /* the book as nearest.h wants it */
    const float *tree;         /* (2 codes, dim): node centroids; prefix v of k bits
                                * is row (1 << k) + v, k = 0 .. n */
};

struct telu_model {
    struct telu_config cfg;
    int n;                     /* log2(codes) */
    char id[65];
    struct telu_linear8 enc_in, enc_out, dec_in, dec_value, dec_scale;
    struct telu_block enc[TELU_MAX_BLOCKS], dec[TELU_MAX_BLOCKS];
    struct telu_stage vq[TELU_MAX_STAGES];
    struct telu_postnet_config post;       /* blocks 0: none */
    struct telu_linear8 post_in, post_out;
    struct telu_block post_block[TELU_MAX_BLOCKS];
    struct telu_tables tab;
    void *arena;               /* one aligned block; all the above point into it */
    size_t arena_bytes;
};

/* Bytes of one tensor for a model or a file: little-endian, in the dtype of its entry in
 * telu_config_tensors(). */
struct telu_blob {
    const void *data;
    size_t bytes;
};

/* Builds a model from blobs in the order of telu_config_tensors(), with the reader's value checks
 * (finite floats that cannot overflow, frequencies, split). The model keeps no pointer to the
 * blobs. NULL on error. The trainer builds its models with it, without a file. */
struct telu_model *telu_model_build(const struct telu_config *cfg,
                                    const struct telu_blob *blobs, int count,
                                    const char *id);

/* The same with a post-network: the blobs of telu_postnet_tensors() follow the others. */
struct telu_model *telu_model_build_post(const struct telu_config *cfg,
                                         const struct telu_postnet_config *post,
                                         const struct telu_blob *blobs, int count,
                                         const char *id);

/* Largest magnitude that a network's numbers may have (bounds.c). */
#define TELU_MOST_NUMBER 1e14

/* Checks that no packet and no sound takes a number of the networks above TELU_MOST_NUMBER, by
 * bounds that need no search: weights of a trained network are far below. 0, or -1 and
 * telu_error() with the tensor behind which the bound is passed. */
int telu_model_check_bounds(const struct telu_model *m);

/* SHA-256 over the blobs in order: 64 hex digits. */
void telu_blobs_id(const struct telu_blob *blobs, int count, char id[65]);

/* Versions of a weight file: the matrices of its layers are bfloat16, or integers and scales. */
#define TELU_WEIGHTS_FLOATS   4
#define TELU_WEIGHTS_INTEGERS 5

/* A weight file in memory, its tensors unchanged. */
struct telu_weights {
    int version;               /* one of these */
    struct telu_config cfg;
    struct telu_postnet_config post;
    char id[65];               /* model_id: of the tensors, or of the floats that were quantised */
    char post_id[65];          /* the same of the post-network; "" without one */
    char sum[65];              /* weights_sha256, compared with the tensors; "" of floats */
    int count;                 /* of all tensors */
    int own;                   /* those that do not belong to the post-network, which come first
                                * and which alone determine packets and model_id */
    struct telu_tensor *tensor;
    struct telu_blob *blob;                /* their bytes, not aligned */
    void *data;                /* owns the bytes of the blobs */
};

/* Reads a file; checks header, sizes, offsets and the sums of the tensors, not values. 0, or -1
 * with telu_error() and nothing to close; _open() puts the path before the text. */
int telu_weights_open(struct telu_weights *w, const char *path);
int telu_weights_read(struct telu_weights *w, FILE *f);
void telu_weights_close(struct telu_weights *w);

/* Builds the model of w, whichever its version; it keeps no pointer to w. NULL on error. */
struct telu_model *telu_weights_model(const struct telu_weights *w);

/* integers.c: makes `to` the version of w that holds integers, those that opening w quantises its
 * layers to; w has floats, of which telu_weights_model() makes a model: it checks them. 0, or -1
 * with telu_error() and nothing to close. */
int telu_weights_pack(struct telu_weights *to, const struct telu_weights *w);

/* integers.c: writes the tensor of that name, F32, BF16 or integers times their scales, to the
 * floats `to`. 0, or -1 with telu_error() where there is none of `count` numbers. */
int telu_weights_floats(const struct telu_weights *w, const char *name, float *to, size_t count);

/* Writes the sum that stands as weights_sha256 in a file of integers: SHA-256 over both ids' hex
 * digits and all tensors, 64 hex digits. */
void telu_weights_sum(const struct telu_weights *w, char sum[65]);

/* Returns the place of the tensor of that name among `count`, or -1. */
int telu_tensor_find(const struct telu_tensor *t, int count, const char *name);

/* Bytes of tensor t in a file, and its dtype's name there. */
size_t telu_tensor_bytes(const struct telu_tensor *t);
const char *telu_dtype_name(enum telu_dtype d);

/* Checks size and values of a tensor: finite floats, frequencies, split. 0, or -1 and
 * telu_error(). */
int telu_tensor_check(const struct telu_config *cfg, const struct telu_tensor *t,
                      const struct telu_blob *blob);

/* All tensors, in the order of telu_config_tensors() and, when post is not NULL,
 * telu_postnet_tensors(); free() them. NULL: no memory. */
struct telu_tensor *telu_tensor_list(const struct telu_config *cfg,
                                     const struct telu_postnet_config *post, int *count);

/* Returns the number of these tensors. */
int telu_tensor_count(const struct telu_config *cfg, const struct telu_postnet_config *post);

/* The same of a file of that version. In one of integers each NAME.w that is BF16 is I8, and behind
 * it stands NAME.s, F32, the scales of its outputs. */
struct telu_tensor *telu_tensor_list_of(int version, const struct telu_config *cfg,
                                        const struct telu_postnet_config *post, int *count);
int telu_tensor_count_of(int version, const struct telu_config *cfg,
                         const struct telu_postnet_config *post);

#ifdef __cplusplus
}
#endif
#endif
