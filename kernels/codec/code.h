/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* code.h - the codes of the residual VQ as range-coded symbols: FORMAT.md, "Codes".
 *
 * Frequencies are static. Those of code 0 are one row; those of each later stage depend on the
 * group of code 0, one of 16 kinds of spectrum, since a loud vowel and a pause leave different
 * residuals. Both are of this packet, so a lost packet costs itself alone.
 *
 * The encoder searches with the cost in mind: it chooses the code that minimises
 * distance + lambda * bits (entropy-constrained VQ; Chou, Lookabaugh, Gray 1989).
 */
#ifndef TELU_CODE_H
#define TELU_CODE_H

#include "refine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_CODE_GROUPS 16

/* Rows of the table of frequencies, for `stages` stages. */
#define TELU_CODE_ROWS(stages) (1 + ((stages) - 1) * TELU_CODE_GROUPS)

/* Row of stage s; code0: code of stage 0, read for s > 0 only. */
TELU_INLINE int telu_code_row(const struct telu_tables *t, int s, int code0)
{
    return s == 0 ? 0 : 1 + (s - 1) * TELU_CODE_GROUPS + t->group[code0];
}

/* Returns what the search adds to the distance of each code (codes) of stage s. */
TELU_INLINE const float *telu_code_bias(const struct telu_tables *t, int s, int code0)
{
    return t->bias_of_code + (size_t)telu_code_row(t, s, code0) * t->codes;
}

/* Estimates the length of codes [S] in 1/64 bit. */
TELU_PUBLIC uint32_t telu_code_cost(const int *codes, int S, const struct telu_tables *t);

TELU_PUBLIC void telu_code_put(struct telu_range_enc *e, const int *codes, int S,
                               const struct telu_tables *t);

/* Reads up to S codes; codes [S], or NULL to count them only. Returns the number of codes that no
 * byte past the end could change, S unless the packet was cut. */
TELU_PUBLIC int telu_code_get(struct telu_range_dec *d, int *codes, int S,
                              const struct telu_tables *t);

#ifdef __cplusplus
}
#endif
#endif
