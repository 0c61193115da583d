/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plc.h - what stands in for a lost packet: sound for 60 ms, then a fade that is
 * silent after 200 ms.
 *
 * After a packet with a base layer the decoder network goes on with the last latent
 * (codec.c): its own past keeps the sound from freezing. After one without, the last
 * coefficients are repeated with random signs, which keeps the spectrum and avoids
 * the buzz of a repeated wave.
 */
#ifndef TELU_PLC_H
#define TELU_PLC_H

#include "host_device.h"
#include "config.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_plc {
    float *last;               /* [320] coefficients of the last packet heard */
    int base;                  /* 1: that packet had a base layer */
    int lost;                  /* packets since, TELU_PLC_SILENT at most */
    uint32_t seed;
};

#define TELU_PLC_SILENT 10     /* packets after which nothing is left */

/* last: room for 320 floats. */
TELU_PUBLIC void telu_plc_init(struct telu_plc *p, float *last);
TELU_PUBLIC void telu_plc_reset(struct telu_plc *p);

/* A packet came: its coefficients. */
TELU_PUBLIC void telu_plc_received(struct telu_plc *p, const float *c, int base);

/* Counts one more lost packet. Returns its gain, 1 .. 0. */
TELU_PUBLIC float telu_plc_lost(struct telu_plc *p);

/* c [320]: the last coefficients with other signs. */
TELU_PUBLIC void telu_plc_repeat(struct telu_plc *p, float *c);

/* base [320] of the network that went on -> c [320], how it sounds; c may be base, but
 * not among lanes. */
TELU_PUBLIC void telu_plc_extrapolate(struct telu_plc *p, float *c, const float *base);

#ifdef __cplusplus
}
#endif
#endif
