/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filterbank.c - see filterbank.h. */
#include "filterbank.h"

#include "mel.h"
#include "memory.h"

#include <stdlib.h>

void filterbank_init(struct filterbank *m, int mels, int fft)
{
    m->n = mels;
    m->first = zeroed(sizeof(int) * mels);
    m->count = zeroed(sizeof(int) * mels);
    m->weight = floats((size_t)mels * (fft / 2 + 1));
    mel_triangles(m->first, m->count, m->weight, mels, fft);
}

void filterbank_release(struct filterbank *m)
{
    free(m->first);
    free(m->count);
    free(m->weight);
}
