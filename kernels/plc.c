/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plc.c - see plc.h. */
#include "plc.h"

#include <string.h>

#define FULL 3                 /* packets before the fade: 60 ms */

void telu_plc_init(struct telu_plc *p, float *last)
{
    p->last = last;
    telu_plc_reset(p);
}

void telu_plc_reset(struct telu_plc *p)
{
    memset(p->last, 0, TELU_COEFS * sizeof(*p->last));
    p->base = 0;
    p->lost = 0;
    p->seed = 1;
}

void telu_plc_heard(struct telu_plc *p, const float *c, int base)
{
    memcpy(p->last, c, TELU_COEFS * sizeof(*c));
    p->base = base;
    p->lost = 0;

    /* Every loss begins alike, so that what is heard depends on no older one. */
    p->seed = 1;
}

float telu_plc_lost(struct telu_plc *p)
{
    if (p->lost < TELU_PLC_SILENT)
        p->lost++;
    if (p->lost <= FULL)
        return 1.0f;
    return (float)(TELU_PLC_SILENT - p->lost) / (TELU_PLC_SILENT - FULL);
}

void telu_plc_repeat(struct telu_plc *p, float *c)
{
    for (int k = 0; k < TELU_COEFS; k++) {
        p->seed = p->seed * 1664525u + 1013904223u;    /* Knuth and Lewis */
        c[k] = p->seed >> 31 ? p->last[k] : -p->last[k];
    }
}
