/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecread.c - reads buffers: bytes, in memory of any kind, and what is clipped. */
#include "gsttelucodec.h"

#include <gst/audio/audio.h>
#include <string.h>

#define GST_CAT_DEFAULT gst_telucodec_debug

static gboolean
refuse (GstElement * element)
{
  GST_ELEMENT_ERROR (element, RESOURCE, READ, (NULL), ("Input buffer cannot be mapped"));
  return FALSE;
}

gboolean
gst_telucodec_can_read (GstElement * element, GstBuffer * buf)
{
  GstMapInfo map;

  for (guint i = 0; i < gst_buffer_n_memory (buf); i++) {
    GstMemory *memory = gst_buffer_peek_memory (buf, i);

    if (!gst_memory_map (memory, &map, GST_MAP_READ))
      return refuse (element);
    gst_memory_unmap (memory, &map);
  }
  return TRUE;
}

gboolean
gst_telucodec_map (GstElement * element, GstBuffer * buf, GstMapInfo * map)
{
  if (gst_buffer_n_memory (buf) > 1 && !gst_telucodec_can_read (element, buf))
    return FALSE;
  return gst_buffer_map (buf, map, GST_MAP_READ) || refuse (element);
}

gboolean
gst_telucodec_read (GstElement * element, GstBuffer * buf, guint8 * to)
{
  GstMapInfo map;

  if (!gst_telucodec_map (element, buf, &map))
    return FALSE;
  if (map.size > 0)             /* without bytes there is no data */
    memcpy (to, map.data, map.size);
  gst_buffer_unmap (buf, &map);
  return TRUE;
}

void
gst_telucodec_read_clip (GstBuffer * buf, guint64 * start, guint64 * end)
{
  GstAudioClippingMeta *clip = gst_buffer_get_audio_clipping_meta (buf);

  *start = *end = 0;
  if (clip && clip->format == GST_FORMAT_DEFAULT) {
    *start = MIN (clip->start, TELU_PACKET);
    *end = MIN (clip->end, TELU_PACKET - *start);
  }
}

gboolean
gst_telucodec_begins_run (GstBuffer * buf)
{
  guint64 start, end;

  gst_telucodec_read_clip (buf, &start, &end);
  return GST_BUFFER_IS_DISCONT (buf) && start == TELU_DELAY;
}
