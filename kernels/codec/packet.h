/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packet.h - layers <-> bytes.
 *
 *   | 0 | code 0 | code 1 | ... | prefix |                                     base only
 *   | 1 | S (5) | shape (2) | range coder: codes, step, coefficients, levels    refined
 *   | 1 | S (5) |  3  (2)   | range coder: codes, levels                        base and levels
 */
#ifndef TELU_PACKET_H
#define TELU_PACKET_H

#include "code.h"
#include "deficit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_layers {
    int stages;                /* whole codes, 0 .. 16 */
    int codes[TELU_MAX_STAGES];
    int prefix_bits, prefix;   /* of one more stage: 0 .. n-1 bits */
    int refined, shape, step;
    int leveled;               /* 1: has levels, with or without refinement */
    int cut;                   /* 1: it had levels, but ends before them; then leveled is 0 */
    int known;                 /* coefficients of a cut one that is refined, else 0; the others are
                                * lost */
    int level[TELU_BANDS];     /* when leveled */
    int q[TELU_COEFS];         /* when refined */
};

#define TELU_SHAPE_LEVELS 3    /* in place of a shape: no step and no coefficients follow */

/* 1 when a refined packet of that shape and number of codes has levels: those tuned for SNR
 * have none, and without a base layer there is nothing to scale. */
TELU_INLINE int telu_packet_leveled(int shape, int stages)
{
    return shape != 0 && stages > 0;
}

/* Sets the number of whole codes and of prefix bits in a base-only packet of `bytes` bytes. */
TELU_PUBLIC void telu_packet_capacity(int bytes, int stages, int n, int *codes, int *prefix_bits);

/* Estimates the bytes of all that stands before the coefficients of a refined packet, or before the
 * levels of another, from its codes [S]. */
TELU_PUBLIC float telu_packet_header_bytes(const int *codes, int S, int refined,
                                           const struct telu_tables *t);

/* Writes a base-only packet of exactly `bytes` bytes. */
TELU_PUBLIC void telu_packet_put_base(uint8_t *out, int bytes, const struct telu_layers *l, int n);

/* Writes a refined packet, padded with zeros to `bytes` when bytes > 0. Returns its length, or
 * 0 when it does not fit into cap or bytes. */
TELU_PUBLIC size_t telu_packet_put(uint8_t *out, size_t cap, int bytes,
                       const struct telu_layers *l, const struct telu_bands *p,
                       const struct telu_tables *t);

/* Writes a packet of base layer and levels, padded and limited as telu_packet_put(). */
TELU_PUBLIC size_t telu_packet_put_levels(uint8_t *out, size_t cap, int bytes,
                                          const struct telu_layers *l,
                                          const struct telu_tables *t);

/* Returns 1 when no byte behind a packet of these bytes could change its S codes or, when refined,
 * its step. */
TELU_NOINLINE int telu_packet_whole(const uint8_t *packet, size_t size, int S, int refined,
                                    const struct telu_tables *t);

/* Facts of a packet that need none of its codes. */
struct telu_packet_header {
    int base;                  /* 1: written with a base layer */
    int coded;                 /* 1: all behind the first byte is the range coder's */
    int refined;               /* 1: written with coefficients */
    int leveled;               /* 1: written with levels */
    int stages, prefix_bits;   /* whole codes, as written when coded; bits of one more */
    int shape;                 /* as written; 0 in a base-only packet */
};

/* Reads h from any `size` bytes. stages and n: of the model; TELU_MAX_STAGES and any n when only
 * h->base is needed. 0, or -1 on damage (h is then undefined). */
TELU_PUBLIC int telu_packet_peek(struct telu_packet_header *h, const uint8_t *in, size_t size,
                     int stages, int n);

/* Reads l from any bytes. 0, or -1 on damage (l is then undefined). stages: of the model. When
 * l->refined, bands get the parameters that the coefficients were read with. */
TELU_PUBLIC int telu_packet_get(struct telu_layers *l, struct telu_bands *bands,
                    const uint8_t *in, size_t size, const struct telu_tables *t,
                    int stages, int n);

/* Dequantises a packet: base [320] of the network -> y [320]; y may be base on the host only,
 * unless the packet was cut. bands: as telu_packet_get() set them, read when refined. p: the
 * stream's; a packet with levels changes it, a cut one reads it. */
TELU_PUBLIC void telu_dequantise_packet(float *y, const struct telu_layers *l,
                                        const struct telu_bands *bands,
                                        const struct telu_tables *t, const float *base,
                                        struct telu_deficit *p);

/* The same without its levels. */
TELU_PUBLIC void telu_dequantise_plain(float *y, const struct telu_layers *l,
                                       const struct telu_bands *bands,
                                       const struct telu_tables *t, const float *base);

#ifdef __cplusplus
}
#endif
#endif
