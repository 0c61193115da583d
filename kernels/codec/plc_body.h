/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plc_body.h - definitions of plc.h, for host and device (host_device.h). */
#ifndef TELU_PLC_BODY_H
#define TELU_PLC_BODY_H

#include "plc.h"

#include "dequantise.h"
#include "noise.h"

#define FULL_PACKETS 3         /* packets before the fade: 60 ms */
#define CONCEAL_GAIN 0.8f      /* a softer guess costs less when it is wrong */

TELU_PUBLIC void telu_plc_init(struct telu_plc *p, float *last)
{
    p->last = last;
    telu_plc_reset(p);
}

TELU_PUBLIC void telu_plc_reset(struct telu_plc *p)
{
    for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
        p->last[k] = 0.0f;
    p->base = 0;
    p->lost = 0;
    p->seed = 1;
}

TELU_PUBLIC void telu_plc_received(struct telu_plc *p, const float *c, int base)
{
    if (!base)
        for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
            p->last[k] = c[k];
    p->base = base;
    p->lost = 0;

    /* Every loss begins with the same seed, so the output depends on no older loss. */
    p->seed = 1;
}

TELU_PUBLIC float telu_plc_next_gain(struct telu_plc *p)
{
    if (p->lost < TELU_PLC_SILENT)
        p->lost++;
    if (p->lost <= FULL_PACKETS)
        return CONCEAL_GAIN;
    return CONCEAL_GAIN * (float)(TELU_PLC_SILENT - p->lost) / (TELU_PLC_SILENT - FULL_PACKETS);
}

TELU_PUBLIC void telu_plc_repeat(struct telu_plc *p, float *c)
{
    for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
        c[k] = telu_noise_after(p->seed, (uint32_t)k + 1) >> 31 ? p->last[k] : -p->last[k];
    p->seed = telu_noise_after(p->seed, TELU_COEFS);
}

TELU_PUBLIC void telu_plc_extrapolate(struct telu_plc *p, float *c, const float *base)
{
    telu_dequantise_base(c, 0, base, p->seed);
    p->seed = telu_noise_after(p->seed, TELU_COEFS);
}

#undef FULL_PACKETS
#undef CONCEAL_GAIN

#endif
