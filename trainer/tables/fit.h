/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit.h - data shared by the parts of tables.c: pieces of speech at many levels, as the
 * encoder's coefficients and codes, and the unfinished tables. */
#ifndef FIT_H
#define FIT_H

#include "network.h"
#include "rng.h"
#include "tables.h"

struct fit_item {
    int packets;
    float *c;                  /* (packets, 320) coefficients */
    float *latent;             /* (packets, latent), or NULL */
    int *codes;                /* (packets, stages) */
    double power;              /* mean of c^2, never 0 */
};

/* Source of one item. */
struct fit_cut {
    const float *pcm;
    long n;                    /* samples */
    float gain;
};

struct fit {
    struct telu_config cfg;
    struct telu_blob *blobs;   /* of the weight file; m is built from them */
    int blob_count;
    struct telu_model *m;      /* network and books; codes' tables once fitted, others neutral */
    struct telu_ctx ctx;
    struct rng rng;
    int seconds;               /* the most speech to use */
    struct fit_item *item;
    int n_items;

    /* The tables, writable, and as the codec's functions want them. */
    int16_t *bias, *env, *tilt;
    uint8_t *gain, *recon, *shape, *fill, *split, *group;
    uint16_t *freq, *level, *code;
    float *lambda;
    double code_bits;          /* mean bits of a code */
    struct telu_tables tab;

    void (*log)(void *user, const char *text);
    void *user;
};

/* fit_items.c: cuts out at most `seconds` of the clips, spread evenly, each at a random level.
 * Returns the cuts, and their number n; the caller frees them. */
struct fit_cut *fit_cuts(struct fit *f, const struct tables_clip *clips, int n_clips, int seconds,
                         int *n);

/* Runs the encoder on one cut, with f->m's cost of codes in mind. latents: 1 keeps them. Returns 0
 * or -1; fit_free(), or the caller, frees the arrays. */
int fit_item(struct fit *f, struct fit_item *it, const struct fit_cut *cut, int latents);

/* fit_code.c: tables of codes that cost the same; then counts them and fits groups, frequencies
 * and lambda. */
void fit_code_guess(struct fit *f);
int fit_code(struct fit *f, const struct tables_clip *clips, int n_clips);

/* tables.c: builds f->m again, from the tables so far. Returns 0 or -1. */
int fit_rebuild(struct fit *f);

/* tables.c: the envelope e [21] of a packet from its coefficients [320], in 1/32 octave. */
void fit_envelope_of(float *e, const float *c);

/* fit_items.c: cuts the clips and runs the encoder on them. Returns 0 or -1. */
int fit_items(struct fit *f, const struct tables_clip *clips, int n_clips);
void fit_free(struct fit *f);

/* Calls one(f, i, arg, thread) for i = 0 .. n-1 on the threads of pool.h, so the calls
 * share neither random numbers nor a float sum. Returns 0, or -1 with the text of the
 * first failure. */
typedef int fit_one(struct fit *f, int i, void *arg, int thread);
int fit_each(struct fit *f, fit_one *one, void *arg, int n);

/* Seeds random numbers of each item from f->rng; the caller frees them. */
struct rng *fit_rngs(struct fit *f);

/* Adds the counts of all threads into the first one's. counts: of each thread `size` bytes of
 * doubles, one after the other. */
void fit_gather(void *counts, size_t size);

/* Decodes S stages of the item into base (packets, 320), from a fresh history. */
int fit_decode(struct fit *f, const struct fit_item *it, int S, float *base);

/* Returns the bits of a refined packet with `cost` / 64 bits of coefficients. */
double fit_bits(const struct fit *f, int S, double cost);

/* fit_freq.c: guesses the frequencies before any count; then counts them, together with
 * tab.recon. */
void fit_freq_guess(uint16_t *freq);
int fit_freq(struct fit *f);

/* Converts probabilities p to frequencies; every symbol gets at least 1 of 32768. */
void fit_to_freq(uint16_t *freq, const double *p, int symbols);

/* Sets p to the counted shares; the parent's probabilities dominate when counts are few. */
void fit_back_off(double *p, const double *count, const double *parent, int symbols);

/* Bit/s, the range from which steps are drawn. */
#define FIT_RATE_LEAST 5000.0
#define FIT_RATE_MOST  68000.0

/* Returns the finest step with a mean rate, over some packets of the item with S stages, of at
 * most `rate`; levels left out. */
int fit_step(struct fit *f, const struct fit_item *it, const float *base, int S, int shape,
             double rate);

/* fit_level.c: likewise for the levels of bands. */
void fit_level_guess(uint16_t *freq);
int fit_level(struct fit *f);

/* fit_split.c: fits tab.split by trials. */
int fit_split(struct fit *f);

void fit_say(struct fit *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
