/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* refine.h - the refinement layer: what the base layer left over, as integers
 * coded with static contexts. All formulas: FORMAT.md, "Envelope and step" on.
 */
#ifndef TELU_REFINE_H
#define TELU_REFINE_H

#include "config.h"
#include "range.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_SYMBOLS   18
#define TELU_ESCAPE    17      /* the symbol that an Exp-Golomb code follows */
#define TELU_CLASSES   9       /* classes of each sum of neighbours */

/* C-classes: TELU_C_NO_BASE for packets without codes, then TELU_C_BASE for each of
 * TELU_C_GROUPS groups of stage counts. */
#define TELU_C_NO_BASE 8
#define TELU_C_BASE    12
#define TELU_C_GROUPS  3
#define TELU_C_CLASSES (TELU_C_NO_BASE + TELU_C_GROUPS * TELU_C_BASE)
#define TELU_CONTEXTS  (2 * TELU_CLASSES * TELU_CLASSES * TELU_C_CLASSES)
#define TELU_MAX_Q     65535
#define TELU_STEPS     128     /* step indices, 8 to the octave */
#define TELU_STEP_ONE  120     /* index of step size 1.0 */

/* Bit rates at which the split table says how many base stages to use. */
#define TELU_SPLIT_RATES 12
#define TELU_SPLIT_RATE_LIST \
    2000, 3000, 4000, 6000, 8000, 10000, 12000, 16000, 20000, 24000, 32000, 64000
extern const int telu_split_rate[TELU_SPLIT_RATES];
#define TELU_SPLIT_BASE_ONLY 255

/* The integer tables of a weight file; pointers into the model, shapes as in
 * config.c. */
struct telu_tables {
    int env_stages, codes;
    const int16_t *bias;       /* (21) */
    const int16_t *env;        /* (env_stages, codes, 21) */
    const uint8_t *gain;       /* (stages + 1, 21), 128 is 1.0 */
    const uint16_t *freq;      /* (TELU_CONTEXTS, 18) */
    const uint16_t *cumul;     /* (TELU_CONTEXTS, 19), made by the reader; the last
                                * column is 32768 */
    const uint8_t *recon;      /* (4) */
    const uint8_t *shape;      /* (4) gamma, 64 is 1.0 */
    const int16_t *tilt;       /* (4, 21) 1/32 octave, on top of it */
    const uint8_t *fill;       /* (4) phi, 64 is 1.0 */
    const uint8_t *split;      /* (2, 12) */
};

/* What both sides derive from codes, step and shape before any coefficient. */
struct telu_bands {
    int stages;                /* S */
    int env[TELU_BANDS];       /* e[b] */
    int level[TELU_BANDS];     /* L[b] */
    int ctx[TELU_BANDS];       /* C */
    float step[TELU_BANDS];    /* Delta[b] */
    float inverse[TELU_BANDS]; /* 1 / Delta[b] */
    uint32_t seed, noise;      /* u of the codes; u before the first coefficient */
};

/* codes [S], each < tables->codes; S 0 .. 16, step 0 .. 127, shape 0 .. 3. */
TELU_PUBLIC void telu_bands_envelope(struct telu_bands *p, const struct telu_tables *t,
                        const int *codes, int S);
TELU_NOINLINE void telu_bands_step(struct telu_bands *p, const struct telu_tables *t, int step,
                    int shape);

/* First C-class of a packet of S codes. */
TELU_PUBLIC int telu_refine_first_class(int S);

/* One coefficient's context and shift: q is the hop being coded, q0 hop 0 (NULL
 * when q is hop 0), of which the magnitudes count; k 0 .. 159; cclass C. */
TELU_PUBLIC int telu_refine_context(const int *q, const int *q0, int k, int cclass, int *shift);

/* c [320] original and base [320] coefficients -> q [320]; values that fall within
 * `dead` below one half of a step are rounded down: q = floor(|r| / step + 1/2 - dead)
 * with 0 <= dead < 1/2. */
TELU_NOINLINE void telu_refine_quantise(int *q, const struct telu_bands *p,
                          const struct telu_tables *t, const float *c,
                          const float *base, float dead);

/* Length of q's code in 1/64 bit, from the tables' frequencies alone. */
TELU_NOINLINE uint32_t telu_refine_cost(const int *q, const struct telu_bands *p,
                          const struct telu_tables *t);

TELU_PUBLIC void telu_refine_put(struct telu_range_enc *e, const int *q,
                     const struct telu_bands *p, const struct telu_tables *t);

/* -> q [320]. 0, or -1 when the bytes cannot be right (damage). A cut packet gives
 * zeros from the cut on, and 0. */
TELU_PUBLIC int telu_refine_get(struct telu_range_dec *d, int *q, const struct telu_bands *p,
                    const struct telu_tables *t);

/* What signs by chance begin from. */
TELU_PUBLIC uint32_t telu_refine_seed(const int *codes, int S);

#ifdef __cplusplus
}
#endif
#endif
