/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecparse.h - .tlc pages -> packets. */
#ifndef GST_TELUCODEC_PARSE_H
#define GST_TELUCODEC_PARSE_H

#include <gst/base/gstbaseparse.h>

#include "gsttelucodec.h"
#include "tlc.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_PARSE (gst_telucodec_parse_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecParse, gst_telucodec_parse, GST,
    TELUCODEC_PARSE, GstBaseParse)

struct _GstTelucodecParse
{
  GstBaseParse parent;

  /* Streaming thread only. */
  TlcHeader header;
  gboolean has_header;
  gboolean located;             /* origin is known */
  gint64 origin;                /* sample that is time 0: 0, unless the stream was
                                 * joined in its middle */
  gboolean upstream_time;       /* time stamps are upstream's, not the pages' */

  TlcPage *page;                /* just read */
  guint64 expected;             /* offset at which the bytes go on */
  gint64 next;                  /* index of the packet that would be next; -1 after
                                 * a seek */
  gboolean lost;                /* between pages: damage was reported */
  gboolean discont;             /* the next packet's flag */
  GstClockTime gap;             /* missing before the packet in pre_push_frame() */
};

G_END_DECLS

#endif
