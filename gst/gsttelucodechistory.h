/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodechistory.h - the most recent packets of a stream. A fresh encoder or decoder
 * replays them to take the stream over. */
#ifndef GST_TELUCODEC_HISTORY_H
#define GST_TELUCODEC_HISTORY_H

#include <gst/gst.h>

#include "engine.h"

G_BEGIN_DECLS

typedef struct _GstTelucodecHistory GstTelucodecHistory;

/* Holds at least as many packets as the networks of @model look back over. */
GstTelucodecHistory *gst_telucodec_history_new (const struct telu_model *model,
    enum telu_side side);
/* NULL is fine here, and for history in the functions down to add_decoded(). */
void gst_telucodec_history_free (GstTelucodecHistory * history);
void gst_telucodec_history_clear (GstTelucodecHistory * history);

/* Adds a packet and the samples pcm [320] that it was encoded from, at @rate. */
void gst_telucodec_history_add_encoded (GstTelucodecHistory * history,
    const gfloat * pcm, const struct telu_rate *rate, const guint8 * packet,
    gint bytes);
/* Adds a packet that was decoded; NULL: the packet was lost or damaged. */
void gst_telucodec_history_add_decoded (GstTelucodecHistory * history,
    const guint8 * packet, gsize bytes);

/* Runs a fresh encoder or decoder through all packets. Returns 0, or -1 with
 * telu_error(). */
gint gst_telucodec_history_replay_encoder (const GstTelucodecHistory * history,
    struct telu_encoder *encoder);
gint gst_telucodec_history_replay_decoder (const GstTelucodecHistory * history,
    struct telu_decoder *decoder);

G_END_DECLS

#endif
