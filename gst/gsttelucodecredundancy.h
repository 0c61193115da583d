/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecredundancy.h - which heads of older packets an RTP packet repeats. */
#ifndef GST_TELUCODEC_REDUNDANCY_H
#define GST_TELUCODEC_REDUNDANCY_H

#include "gsttelucodecrtp.h"

G_BEGIN_DECLS

#define GST_TELUCODEC_MAX_COPIES 3

/* Heads of each packet that are sent later, nearest first; n 0: none. */
typedef struct
{
  guint n;
  guint distance[GST_TELUCODEC_MAX_COPIES];     /* packets */
  guint size[GST_TELUCODEC_MAX_COPIES];         /* bytes, at most */
} GstTelucodecRedundancy;

/* Chooses for a bit rate in all, in bit/s, for `loss` percent of lost packets, 0 .. 100, in
 * runs of `run` packets on average, 1 or more. */
void gst_telucodec_redundancy_choose (GstTelucodecRedundancy * r, gint bitrate,
    guint loss, gdouble run);

/* An older packet whose head a payload may repeat. */
typedef struct
{
  guint distance, size;         /* packets before the payload's first one; bytes, at most */
} GstTelucodecCopy;

/* Sets copies to the older packets that a payload may repeat, nearest first; returns their number.
 * packets: those of a payload, since as many are lost together: each head becomes as many. */
guint gst_telucodec_redundancy_copies (const GstTelucodecRedundancy * r, guint packets,
    GstTelucodecCopy copies[GST_TELUCODEC_RTP_MAX_DISTANCE]);

/* Returns the bytes that a payload of so many packets has beside them, 1 or more. */
guint gst_telucodec_redundancy_bytes (const GstTelucodecRedundancy * r, guint packets);

/* Returns the bit rate of packets that leaves those bytes of `bitrate`, the one in all that the
 * choice is for; TELU_MIN_BITRATE or more. */
gint gst_telucodec_redundancy_left (gint bitrate, gint loss, gdouble run, guint packets);

/* A sticky event from the encoder to the payloader tells for what to choose. It means: the
 * encoder leaves the bytes that this takes from its bit rate. */
GstEvent *gst_telucodec_redundancy_event (gint bitrate, gint loss, gdouble run);
/* Returns FALSE for any other event. *loss: -1 if the encoder leaves no bytes. */
gboolean gst_telucodec_redundancy_parse (GstEvent * event, gint * bitrate, gint * loss,
    gdouble * run);

/* An event from the payloader to the encoder tells how many packets a payload has. */
GstEvent *gst_telucodec_payload_event (guint packets);
/* Returns FALSE for any other event. *packets: 1 .. GST_TELUCODEC_RTP_MAX_PACKETS */
gboolean gst_telucodec_payload_parse (GstEvent * event, guint * packets);

G_END_DECLS

#endif
