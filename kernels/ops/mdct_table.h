/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct_table.h - window and cosines of the transform, computed at first use without libm, so that
 * every machine gets the same bits: each float is the one nearest to its exact value. */
#ifndef TELU_MDCT_TABLE_H
#define TELU_MDCT_TABLE_H

#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_mdct_table {
    float window[2 * TELU_HOP];
    double cosine[8 * TELU_HOP];           /* cos(pi i / (4 N)): one period, within 4e-16 */
    float dct[TELU_HOP][TELU_HOP];         /* orthonormal DCT-IV, symmetric:
                                            * sqrt(2/N) cos(pi/N (n + 1/2)(k + 1/2)) */
};

/* Never fails; any thread. */
const struct telu_mdct_table *telu_mdct_table(void);

#ifdef __cplusplus
}
#endif

#endif
