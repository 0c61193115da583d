/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcm.h - reads any audio file that GStreamer decodes, as mono floats. */
#ifndef TELU_PCM_H
#define TELU_PCM_H

#include <glib.h>

G_BEGIN_DECLS

/* A peak that no recording has, 24 dB over full scale: its samples seem scaled to integers. The
 * trainer leaves such a file out, and telucodec refuses it. */
#define PCM_ABSURD 16.0f

/* Reads the whole file, resampled to `rate` and mixed to mono: n samples, full scale +-1,
 * to be freed with g_free(). A film gives its first sound track. Returns NULL and error
 * (GStreamer's own, or G_IO_ERROR_*) when decoding fails or gives nothing for 20 seconds,
 * or when the file holds no audio or a sample that is not finite. Blocks; gst_init() must
 * have run. */
float *pcm_read (const char *path, int rate, gsize * n, GError ** error);

G_END_DECLS
#endif
