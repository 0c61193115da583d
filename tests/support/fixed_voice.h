/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixed_voice.h - a voice-like sound that has the same bits on every machine: integers, and float
 * products and sums in one order. No libm, unlike tiny_speech(). */
#ifndef FIXED_VOICE_H
#define FIXED_VOICE_H

#include <stdint.h>

/* Makes n samples: pulses of a moving pitch through two resonances, a little noise, pauses, and a
 * loud and a faint part. */
static inline void fixed_voice(float *x, int n, uint32_t seed)
{
    /* 2 r cos(2 pi f / 16000) and r^2 at 600 and 1700 Hz */
    static const float turn[2] = { 1.91700405f, 1.54679704f };
    static const float decay[2] = { 0.970225f, 0.9604f };
    float y[2][2] = { { 0.0f } };
    int next = 0;

    for (int i = 0; i < n; i++) {
        int part = i / 2400 % 8;               /* of 150 ms */
        float in, out = 0.0f;

        seed = 1664525u * seed + 1013904223u;
        in = 1e-3f * ((float)(seed >> 8) * 0x1p-23f - 1.0f);
        if (i >= next) {
            next = i + 90 + (i / 160 * 7) % 60;
            in += 0.2f;
        }
        in *= part == 3 ? 0.0f : part == 5 ? 4.0f : part == 6 ? 1e-3f : 1.0f;
        for (int f = 0; f < 2; f++) {
            float now = in + turn[f] * y[f][0] - decay[f] * y[f][1];

            now = now < 1e-20f && now > -1e-20f ? 0.0f : now;
            y[f][1] = y[f][0];
            y[f][0] = now;
            out += now;
        }
        x[i] = 0.5f * out;
    }
}

#endif
