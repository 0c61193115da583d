/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecmux.h - writes packets into .tlc pages. */
#ifndef GST_TELUCODEC_MUX_H
#define GST_TELUCODEC_MUX_H

#include "gsttelucodec.h"
#include "tlc.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_MUX (gst_telucodec_mux_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecMux, gst_telucodec_mux, GST, TELUCODEC_MUX,
    GstElement)

struct _GstTelucodecMux
{
  GstElement element;

  GstPad *sinkpad, *srcpad;
  GstClockTime max_page_duration;       /* property */

  /* Streaming thread only. */
  GstSegment segment;
  TlcHeader header;
  gchar *weights;               /* name of the packets' weights, or NULL */
  GstTagList *tags;             /* that arrived before the header was written, or NULL */
  gboolean started;             /* STREAM_START is sent */
  guint group;                  /* of the stream that is taken; or invalid */
  gboolean begun;               /* the header is written */
  gboolean ended;               /* the last page is written */
  gboolean segment_sent;
  guint64 offset;               /* of the next byte, */
  guint64 header_offset;        /* and of the header */
  TlcPage *page;                /* being filled */
  guint8 *bytes;                /* [TLC_MAX_PAGE], a page as written */
  GstClockTime page_time;       /* running time of the page's first packet */
  guint trim;                   /* samples clipped from the last packets */

  guint64 next;                 /* index of the expected packet, */
  GstClockTime due;             /* and the running time at which it ends */
  GstClockTime silent_until;    /* running time at which a silence behind the last packet ends */
};

/* Returns the tags as they stand in the file, or NULL if there are none worth it:
 * gsttelucodeccomment.c. */
GstBuffer *gst_telucodec_mux_make_tags (GstTelucodecMux * self);

/* gsttelucodecwriter.c: pushes stream start, caps, segment, header and tags; the page being
 * filled, and begins the next one; the last page, and the header anew where the sink can seek. */
GstFlowReturn gst_telucodec_mux_begin (GstTelucodecMux * self, guint pre_skip);
GstFlowReturn gst_telucodec_mux_push_page (GstTelucodecMux * self);
void gst_telucodec_mux_finish (GstTelucodecMux * self);

GST_DEBUG_CATEGORY_EXTERN (gst_telucodec_mux_debug);

G_END_DECLS

#endif
