/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecread.c - reads the bytes of buffers that may have memory of any kind. */
#include "gsttelucodec.h"

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
