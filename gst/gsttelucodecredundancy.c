/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecredundancy.c - see gsttelucodecredundancy.h. */
#include "gsttelucodecredundancy.h"

#define EVENT "GstTelucodecRedundancy"

static const struct
{
  guint loss;                   /* percent from which on the row holds, */
  gint bitrate;                 /* bit/s, and */
  gdouble run;                  /* packets */
  GstTelucodecRedundancy choice;
} choices[] = {
  {2, 0, 0, {1, {1}, {6}}},
  {2, 0, 2, {1, {4}, {6}}},
  {2, 0, 5, {1, {7}, {6}}},
  {25, 12000, 0, {2, {3, 7}, {6, 4}}},
  {25, 12000, 2, {2, {4, 8}, {6, 4}}},
};

void
gst_telucodec_redundancy_choose (GstTelucodecRedundancy * r, gint bitrate, guint loss,
    gdouble run)
{
  *r = (GstTelucodecRedundancy) { 0 };
  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    if (loss >= choices[i].loss && bitrate >= choices[i].bitrate && run >= choices[i].run)
      *r = choices[i].choice;
}

guint
gst_telucodec_redundancy_bytes (const GstTelucodecRedundancy * r)
{
  guint bytes = 0, before = 0;

  for (guint i = 0; i < r->n; i++) {
    bytes += GST_TELUCODEC_RTP_HEAD_BYTES (r->distance[i] - before, r->size[i]);
    before = r->distance[i];
  }
  return MAX (bytes, 1);
}

GstEvent *
gst_telucodec_redundancy_event (gint bitrate, gint loss, gdouble run)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
      gst_structure_new (EVENT, "bitrate", G_TYPE_INT, bitrate, "loss", G_TYPE_INT, loss,
          "run", G_TYPE_DOUBLE, run, NULL));
}

gboolean
gst_telucodec_redundancy_parse (GstEvent * event, gint * bitrate, gint * loss, gdouble * run)
{
  return gst_event_has_name (event, EVENT)
      && gst_structure_get (gst_event_get_structure (event), "bitrate", G_TYPE_INT, bitrate,
      "loss", G_TYPE_INT, loss, "run", G_TYPE_DOUBLE, run, NULL);
}
