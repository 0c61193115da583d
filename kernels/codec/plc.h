/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plc.h - packet loss concealment: full level for 60 ms, then a fade to silence at 200 ms.
 *
 * After a packet with a base layer, the decoder network runs on with the last latent
 * (decode_pass.c); its history keeps the sound from freezing. After a packet without one, the
 * concealment repeats the last coefficients with random signs: the spectrum stays, and a repeated
 * wave would buzz.
 */
#ifndef TELU_PLC_H
#define TELU_PLC_H

#include "host_device.h"
#include "config.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_plc {
    float *last;               /* [320] coefficients of the last received packet, unless base */
    int base;                  /* 1: that packet had a base layer */
    int lost;                  /* packets lost since, TELU_PLC_SILENT at most */
    uint32_t seed;
};

#define TELU_PLC_SILENT 10     /* lost packets after which the gain is 0 */

/* last: memory of 320 floats, owned by the caller. */
TELU_PUBLIC void telu_plc_init(struct telu_plc *p, float *last);
TELU_PUBLIC void telu_plc_reset(struct telu_plc *p);

/* Records the coefficients of a received packet. base: 1 when it had a base layer; then they are
 * not kept, since the network runs on instead. */
TELU_PUBLIC void telu_plc_received(struct telu_plc *p, const float *c, int base);

/* Counts one more lost packet. Returns its gain, 0.8 .. 0. */
TELU_PUBLIC float telu_plc_next_gain(struct telu_plc *p);

/* Sets c [320] to the last coefficients with random signs. */
TELU_PUBLIC void telu_plc_repeat(struct telu_plc *p, float *c);

/* Dequantises base [320] of the network that ran on -> c [320]; c may be base on the host only. */
TELU_PUBLIC void telu_plc_extrapolate(struct telu_plc *p, float *c, const float *base);

#ifdef __cplusplus
}
#endif
#endif
