/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecparse.h - reads packets from .tlc pages. */
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
  gint64 origin;                /* sample at time 0; not 0 if the stream was joined
                                 * in its middle */
  gboolean upstream_time;       /* time stamps are upstream's, not the pages' */

  TlcPage *page;                /* just read */
  guint64 expected;             /* byte offset of the next page */
  gint64 next;                  /* index of the expected packet; -1 after a seek */
  gboolean damage_reported;     /* since the last good page */
  gboolean discont;             /* the next packet's flag */
  GstClockTime gap;             /* duration missing before the next packet */
};

G_END_DECLS

#endif
