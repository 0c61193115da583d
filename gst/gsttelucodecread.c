/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecread.c - reads the bytes of a packet's buffer. */
#include "gsttelucodec.h"

#include <string.h>

#define GST_CAT_DEFAULT gst_telucodec_debug

gboolean
gst_telucodec_read (GstElement * element, GstBuffer * buf, guint8 * to)
{
  GstMapInfo map;

  if (!gst_buffer_map (buf, &map, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (element, RESOURCE, READ, (NULL), ("Input buffer cannot be mapped"));
    return FALSE;
  }
  memcpy (to, map.data, map.size);
  gst_buffer_unmap (buf, &map);
  return TRUE;
}
