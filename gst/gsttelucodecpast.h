/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpast.h - the last packets of a stream, from which an encoder or decoder
 * that is new can go on. */
#ifndef GST_TELUCODEC_PAST_H
#define GST_TELUCODEC_PAST_H

#include <gst/gst.h>

#include "engine.h"

G_BEGIN_DECLS

typedef struct _GstTelucodecPast GstTelucodecPast;

/* Room for as many packets as the networks of that model look back over, and more. */
GstTelucodecPast *gst_telucodec_past_new (const struct telu_model *model,
    enum telu_side side);
void gst_telucodec_past_free (GstTelucodecPast * past);
void gst_telucodec_past_clear (GstTelucodecPast * past);

/* A packet that was made of pcm at that rate. */
void gst_telucodec_past_add_coded (GstTelucodecPast * past, const gfloat * pcm,
    const struct telu_rate *rate, const guint8 * packet, gint bytes);
/* A packet that was decoded; NULL: it was lost, or as good as that. */
void gst_telucodec_past_add_heard (GstTelucodecPast * past,
    const guint8 * packet, gsize bytes);

/* Leads one that is new through all of it. -1 with telu_error(). */
gint gst_telucodec_past_lead_encoder (const GstTelucodecPast * past,
    struct telu_encoder *encoder);
gint gst_telucodec_past_lead_decoder (const GstTelucodecPast * past,
    struct telu_decoder *decoder);

G_END_DECLS

#endif
