/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.h - sizes of a network, and the one list of its tensors, for the weight reader, the
 * trainer and the exporter. */
#ifndef TELU_CONFIG_H
#define TELU_CONFIG_H

#include "sizes.h"
#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_BANDS     21      /* bands of a hop; edges in telu_band_edge[] */

/* Band b of a hop holds coefficients [edge[b], edge[b + 1]), 50 Hz each. */
#define TELU_BAND_EDGE_LIST \
    0,  4,  8,  12, 16, 20, 23, 26, 30,  34,  38, \
    44, 50, 57, 64, 73, 84, 95, 108, 123, 140, 160
extern const int telu_band_edge[TELU_BANDS + 1];

struct telu_config {
    int enc_width, enc_blocks; /* encoder channels (1 .. 1024), blocks (1 .. 16) */
    int dec_width, dec_blocks;
    int kernel;                /* taps of the depthwise convolution, 1 .. 15 */
    int expand;                /* hidden width of a block / its width, 1 .. 4 */
    int latent;                /* channels of the latent, 1 .. 1024 */
    int stages;                /* 1 .. 16 */
    int codes;                 /* per codebook, power of two, 2 .. 1024 */
    int dim[TELU_MAX_STAGES];  /* search dimension of each stage, 1 .. 64 */
    int env_stages;            /* stages in the envelope table, 0 .. 16 */
};

/* Sizes of the post-network (postnet.h); its taps and expansion are the config's. */
struct telu_postnet_config {
    int width;                 /* channels, 1 .. 1024 */
    int blocks;                /* 1 .. 16; 0: the model has no post-network */
};

#define TELU_POSTNET_FEATURES 1352     /* 1350 inputs, and zeros to a multiple of 8 */
#define TELU_POSTNET_OUTPUTS  (3 * TELU_COEFS)

/* Fields in the order of the weight file: field(name, least, most) for an int, with `c` for the
 * config, and array(name) for one int of each stage. */
#define TELU_CONFIG_FIELDS(field, array) \
    field(enc_width, 1, TELU_MAX_WIDTH) \
    field(enc_blocks, 1, TELU_MAX_BLOCKS) \
    field(dec_width, 1, TELU_MAX_WIDTH) \
    field(dec_blocks, 1, TELU_MAX_BLOCKS) \
    field(kernel, 1, 15) \
    field(expand, 1, TELU_MAX_EXPAND) \
    field(latent, 1, TELU_MAX_WIDTH) \
    field(stages, 1, TELU_MAX_STAGES) \
    field(codes, 2, TELU_MAX_CODES) \
    array(dim) \
    field(env_stages, 0, c->stages)

/* The default network: 3.3 M parameters. */
struct telu_config telu_config_default(void);

/* 0, or -1 and telu_error() with the field, its value and its range. */
int telu_config_check(const struct telu_config *c);
int telu_postnet_config_check(const struct telu_postnet_config *p);

enum telu_dtype { TELU_F32, TELU_BF16, TELU_I16, TELU_U16, TELU_U8, TELU_I8 };

enum telu_kind {
    TELU_WEIGHT,               /* trained by gradient: float32 in the trainer */
    TELU_CODEBOOK,             /* trained by EMA */
    TELU_TABLE                 /* integers, fitted after the network */
};

struct telu_tensor {
    char name[32];
    enum telu_kind kind;
    enum telu_dtype dtype;     /* in the weight file */
    int ndim;                  /* 1 .. 3 */
    int shape[3];              /* unused ones are 1 */
    int decay;                 /* 1: a matrix, AdamW decays it */
};

/* Writes "prefix.index.name", or "prefix.name" when index < 0, to text. */
void telu_tensor_name(char *text, size_t size, const char *prefix, int index,
                      const char *name);

/* Calls fn for each tensor, in the order of the file. Stops at the first non-zero
 * return of fn and returns it. */
int telu_config_tensors(const struct telu_config *c,
                        int (*fn)(void *user, const struct telu_tensor *t),
                        void *user);

/* The same for the tensors of a post-network, which follow those of the config; none when
 * p->blocks is 0. */
int telu_postnet_tensors(const struct telu_config *c, const struct telu_postnet_config *p,
                         int (*fn)(void *user, const struct telu_tensor *t), void *user);

#ifdef __cplusplus
}
#endif
#endif
