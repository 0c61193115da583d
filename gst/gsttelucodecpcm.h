/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpcm.h - converts samples of audio/x-raw, F32LE or S16LE, from and to floats. */
#ifndef GST_TELUCODEC_PCM_H
#define GST_TELUCODEC_PCM_H

#include <gst/gst.h>

#include <math.h>

static inline void
gst_telucodec_pcm_read (gfloat * pcm, const guint8 * in, gint n, gboolean s16)
{
  for (gint i = 0; i < n; i++)
    pcm[i] = s16 ? (gint16) GST_READ_UINT16_LE (in + 2 * i) / 32768.0f :
        GST_READ_FLOAT_LE (in + 4 * i);
}

/* S16LE samples are rounded to the nearest and saturate. */
static inline void
gst_telucodec_pcm_write (guint8 * out, const gfloat * pcm, gint n, gboolean s16)
{
  for (gint i = 0; i < n; i++) {
    if (s16) {
      const gfloat x = CLAMP (pcm[i] * 32768.0f, -32768.0f, 32767.0f);

      GST_WRITE_UINT16_LE (out + 2 * i, (guint16) (gint16) lrintf (x));
    } else {
      GST_WRITE_FLOAT_LE (out + 4 * i, pcm[i]);
    }
  }
}

#endif
