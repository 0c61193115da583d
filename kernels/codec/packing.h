/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packing.h - lengths and first bytes of a page's packets, in few bits: FORMAT.md, "Page". */
#ifndef TLC_PACKING_H
#define TLC_PACKING_H

#include "tlc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TLC_MAX_FIRST 5         /* of `first` */

/* Coding of the lengths and of the first bytes in a page. */
typedef struct
{
  unsigned shift, k, start;     /* of the lengths' code */
  unsigned first;               /* 0: first bytes stay; else 2^(first - 1) values */
  uint8_t values[1 << (TLC_MAX_FIRST - 1)];
} TlcPacking;

/* Chooses the coding that takes the fewest bits. */
void tlc_packing_choose (TlcPacking * how, const TlcPage * page);

/* Returns 1 if the fields of a page's head may be those of a coding. */
int tlc_packing_valid (const TlcPacking * how);

/* Writes the list of first bytes, then lengths and first bytes of all packets. Returns the
 * end of what was written. */
uint8_t *tlc_packing_write (const TlcPacking * how, const TlcPage * page,
    uint8_t * out);

/* Reads them from [in, end) for page->count packets. Returns where the packets begin, or NULL
 * on damage. first [TLC_MAX_PACKETS]: the first byte of each packet. */
const uint8_t *tlc_packing_read (TlcPacking * how, TlcPage * page,
    const uint8_t * in, const uint8_t * end, uint8_t * first);

#ifdef __cplusplus
}
#endif

#endif
