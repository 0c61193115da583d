/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodectransrate.h - makes audio/x-telucodec packets smaller. */
#ifndef GST_TELUCODEC_TRANSRATE_H
#define GST_TELUCODEC_TRANSRATE_H

#include <gst/base/gstbasetransform.h>

#include "gsttelucodecmodel.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_TRANSRATE (gst_telucodec_transrate_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecTransrate, gst_telucodec_transrate, GST,
    TELUCODEC_TRANSRATE, GstBaseTransform)

struct _GstTelucodecTransrate
{
  GstBaseTransform parent;

  /* Properties, guarded by the object lock. */
  gchar *model_path;
  guint max_bitrate;            /* bit/s; 0: packets pass */
  guint payload_packets;        /* in a payload of RTP, as the payloader told */

  /* Streaming thread only. */
  gchar *id, *name;             /* of the stream's weights; NULL: it does not tell */
  GstTelucodecModel *model;     /* NULL until a packet is made smaller */
  struct telu_transrater *transrater;
  guint latched;                /* max_bitrate of the last packet */
  guint packets;                /* payload_packets likewise */
  GstTagList *tags;             /* of the stream, as they came, or NULL */
  gint told, loss;              /* the encoder's word on losses: its bit rate, 0: none; percent, */
  gdouble run;                  /* and how many together */
};

GST_ELEMENT_REGISTER_DECLARE (telucodectransrate);

G_END_DECLS

#endif
