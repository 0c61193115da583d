/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sizes.h - sizes that ops and codec share. */
#ifndef TELU_SIZES_H
#define TELU_SIZES_H

#include "telu.h"

#define TELU_COEFS      (2 * TELU_HOP)   /* coefficients of a packet */
#define TELU_FEATURES   (2 * TELU_COEFS) /* inputs of the encoder network, per packet */
#define TELU_MAX_WIDTH  1024             /* channels of a layer */
#define TELU_MAX_EXPAND 4                /* hidden channels of a block per channel */
#define TELU_MAX_BLOCKS 16
#define TELU_MAX_DIM    64               /* dimensions of a code */
#define TELU_MAX_CODES  1024             /* codes of a codebook */

#endif
