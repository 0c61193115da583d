/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodectypefind.c - recognises a .tlc file by its first bytes. */
#include "gsttelucodec.h"

#include <string.h>

#include "tlc.h"

static GstStaticCaps file_caps = GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FILE);

static void
telucodec_type_find (GstTypeFind * tf, gpointer user_data)
{
  const guint8 *data = gst_type_find_peek (tf, 0, 5);

  (void) user_data;
  if (data && memcmp (data, TLC_MAGIC, 4) == 0 && data[4] == TLC_VERSION)
    gst_type_find_suggest (tf, GST_TYPE_FIND_MAXIMUM,
        gst_static_caps_get (&file_caps));
}

GST_TYPE_FIND_REGISTER_DEFINE (telucodec, GST_TELUCODEC_MEDIA_TYPE,
    GST_RANK_PRIMARY, telucodec_type_find, GST_TELUCODEC_EXTENSION,
    gst_static_caps_get (&file_caps), NULL, NULL);
