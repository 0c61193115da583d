/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* refine.h - the refinement layer: quantised residual of the base layer, coded with static
 * contexts. FORMAT.md has all formulas, from "Envelope and step" on.
 */
#ifndef TELU_REFINE_H
#define TELU_REFINE_H

#include "config.h"
#include "range.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_SYMBOLS   18
#define TELU_ESCAPE    17      /* symbol before an Exp-Golomb code */
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

/* Bit rates for which the split table holds the number of base stages. */
#define TELU_SPLIT_RATES 12
#define TELU_SPLIT_RATE_LIST \
    2000, 3000, 5000, 6000, 8000, 10000, 12000, 16000, 20000, 24000, 32000, 64000
extern const int telu_split_rate[TELU_SPLIT_RATES];
#define TELU_SPLIT_BASE_ONLY 255
#define TELU_SPLIT_LEVELS    254       /* base layer and levels */

/* The integer tables of a weight file; pointers into the model, shapes as in
 * config.c. */
struct telu_tables {
    int env_stages, codes;
    const int16_t *bias;       /* (21) */
    const int16_t *env;        /* (env_stages, codes, 21) */
    const uint8_t *gain;       /* (stages + 1, 21), 128 is 1.0 */
    const uint16_t *freq;      /* (TELU_CONTEXTS, 18) */
    const uint16_t *cumul;     /* (TELU_CONTEXTS, 19), derived on load; the last
                                * column is 32768 */
    const uint8_t *group;      /* (codes) group of each code of stage 0, code.h */
    const uint16_t *code;      /* (TELU_CODE_ROWS(stages), codes), code.h */
    const uint16_t *code_cumul;    /* (.., codes + 1), derived likewise */
    const float *bias_of_code; /* (.., codes), derived: lambda of the stage times its cost */
    const uint16_t *level;     /* (TELU_LEVEL_CONTEXTS, 10), level.h */
    const uint16_t *level_cumul;   /* (TELU_LEVEL_CONTEXTS, 11), derived likewise */
    const uint8_t *recon;      /* (4) */
    const uint8_t *shape;      /* (4) gamma, 64 is 1.0 */
    const int16_t *tilt;       /* (4, 21) 1/32 octave, added to it */
    const uint8_t *fill;       /* (4) phi, 64 is 1.0 */
    const uint8_t *split;      /* (2, 12) */
};

/* Band parameters: both sides derive them from codes, step and shape before any coefficient. */
struct telu_bands {
    int stages;                /* S */
    int env[TELU_BANDS];       /* e[b] */
    float gain[TELU_BANDS];    /* g[b] */
    int level[TELU_BANDS];     /* L[b] */
    int ctx[TELU_BANDS];       /* C */
    float step[TELU_BANDS];    /* Delta[b] */
    float inverse[TELU_BANDS]; /* 1 / Delta[b] */
    uint32_t seed, noise;      /* u of the codes; u before the first coefficient */
};

/* _envelope() sets stages, env, gain and seed, _step() the other fields. codes [S], each <
 * tables->codes; S 0 .. 16, step 0 .. 127, shape 0 .. 3. */
TELU_PUBLIC void telu_bands_envelope(struct telu_bands *p, const struct telu_tables *t,
                        const int *codes, int S);
TELU_NOINLINE void telu_bands_step(struct telu_bands *p, const struct telu_tables *t, int step,
                    int shape);

/* First C-class of a packet of S codes. */
TELU_PUBLIC int telu_refine_first_class(int S);

/* Returns the context of coefficient k, 0 .. 159, of hop q and sets its shift. q0: hop 0,
 * NULL when q is hop 0; only magnitudes of q and q0 count. cclass: C. */
TELU_PUBLIC int telu_refine_context(const int *q, const int *q0, int k, int cclass, int *shift);

/* c [320] original and base [320] coefficients -> q [320], |q| = floor(|r| / step + 1/2 - dead).
 * dead widens the dead zone, 0 <= dead < 1/2. Returns 1 when a magnitude reaches TELU_MAX_Q,
 * where it is clamped, else 0. */
TELU_NOINLINE int telu_refine_quantise(int *q, const struct telu_bands *p, const float *c,
                          const float *base, float dead);

/* Sets to 0 each coefficient of q [320] whose magnitude is 1 where it has few neighbours, as a
 * quantiser does that weighs distortion against bits: |r| < step (0.8 - m / 25), m the sum of its
 * neighbours' magnitudes, the nearest and the same one of the other hop counting twice. Alone it
 * costs up to 7 bits, 6.02 dB / bit of a coefficient's distortion each. p, c, base: as for q. */
TELU_NOINLINE void telu_refine_thin(int *q, const struct telu_bands *p, const float *c,
                                    const float *base);

/* Length, in 1/64 bit, of a symbol with frequency f of 2^15. */
TELU_PUBLIC uint32_t telu_frequency_cost(uint32_t f);

/* Estimates the length of q's code in 1/64 bit from the tables' frequencies. */
TELU_NOINLINE uint32_t telu_refine_cost(const int *q, const struct telu_bands *p,
                          const struct telu_tables *t);

/* Writes q [320] to e; e->overflow tells whether it fitted. */
TELU_PUBLIC void telu_refine_put(struct telu_range_enc *e, const int *q,
                     const struct telu_bands *p, const struct telu_tables *t);

/* Reads q [320]. Returns how many coefficients, in order, are known if the packet was cut, or -1 on
 * damage. The caller judges whether it was, telu_range_exhausted(), and the bytes that follow,
 * telu_range_ended(). */
TELU_PUBLIC int telu_refine_get(struct telu_range_dec *d, int *q, const struct telu_bands *p,
                    const struct telu_tables *t);

/* Seed of the random signs (noise.h). */
TELU_PUBLIC uint32_t telu_refine_seed(const int *codes, int S);

#ifdef __cplusplus
}
#endif
#endif
