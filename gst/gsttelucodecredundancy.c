/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecredundancy.c - see gsttelucodecredundancy.h. */
#include "gsttelucodecredundancy.h"

#define EVENT "GstTelucodecRedundancy"
#define PAYLOAD_EVENT "telucodec-payload"

typedef struct
{
  guint loss;                   /* percent, and */
  gint bitrate;                 /* bit/s, from which on the row holds */
  GstTelucodecRedundancy choice;
} Choice;

/* The last row that holds, for lone losses, short and long runs. Each is near the best PESQ and
 * STOI of those tried (tests/MEASURED.md), lone ones for independent losses and for such that never
 * come in pairs, but with a second head only where it gains more than it costs without losses, and
 * no distance above 8: the receiver waits for it. 8 bytes are about five codes, 10 nearly all of
 * them, and what is longer holds coefficients, which are worth their bytes from 22 kbit/s on. A
 * lone head may be small at low rates, where it takes more from the packets than it gives. */
static const Choice lone[] = {
  {1, 5000, {1, {1}, {4}}},
  {3, 11000, {1, {1}, {6}}},
  {8, 8000, {1, {1}, {6}}},
  {18, 8000, {1, {1}, {8}}},
  {8, 11000, {1, {1}, {8}}},
  {18, 11000, {2, {1, 2}, {8, 4}}},
  {28, 11000, {2, {1, 2}, {8, 8}}},
  {5, 15000, {1, {1}, {8}}},
  {18, 15000, {2, {1, 2}, {8, 8}}},
  {28, 15000, {2, {1, 2}, {10, 8}}},
  {5, 22000, {1, {1}, {10}}},
  {8, 22000, {2, {1, 2}, {10, 8}}},
  {18, 22000, {2, {1, 2}, {12, 8}}},
  {28, 22000, {3, {1, 2, 3}, {12, 8, 6}}},
};
static const Choice short_runs[] = {
  {1, 5000, {1, {4}, {4}}},
  {3, 11000, {1, {4}, {6}}},
  {8, 8000, {1, {4}, {6}}},
  {18, 8000, {1, {4}, {8}}},
  {8, 11000, {1, {4}, {8}}},
  {18, 11000, {2, {4, 8}, {8, 4}}},
  {8, 15000, {2, {4, 8}, {8, 4}}},
  {8, 22000, {2, {4, 8}, {10, 8}}},
};
static const Choice long_runs[] = {
  {1, 5000, {1, {7}, {4}}},
  {3, 11000, {1, {7}, {6}}},
  {8, 8000, {1, {7}, {6}}},
  {8, 11000, {1, {7}, {8}}},
  {18, 15000, {2, {4, 8}, {8, 4}}},
  {18, 22000, {2, {4, 8}, {8, 8}}},
};

static void
choose (GstTelucodecRedundancy * r, const Choice * choices, guint n, gint bitrate, guint loss)
{
  for (guint i = 0; i < n; i++)
    if (loss >= choices[i].loss && bitrate >= choices[i].bitrate)
      *r = choices[i].choice;
}

void
gst_telucodec_redundancy_choose (GstTelucodecRedundancy * r, gint bitrate, guint loss,
    gdouble run)
{
  *r = (GstTelucodecRedundancy) { 0 };
  if (run < 2)
    choose (r, lone, G_N_ELEMENTS (lone), bitrate, loss);
  else if (run < 5)
    choose (r, short_runs, G_N_ELEMENTS (short_runs), bitrate, loss);
  else
    choose (r, long_runs, G_N_ELEMENTS (long_runs), bitrate, loss);
}

guint
gst_telucodec_redundancy_copies (const GstTelucodecRedundancy * r, guint packets,
    GstTelucodecCopy copies[GST_TELUCODEC_RTP_MAX_DISTANCE])
{
  guint n = 0, last = 0;

  for (guint i = 0; i < r->n; i++) {
    const guint payloads = (r->distance[i] + packets - 1) / packets;
    const guint most = MIN (payloads * packets, GST_TELUCODEC_RTP_MAX_DISTANCE);

    for (guint d = MAX (last, (payloads - 1) * packets) + 1; d <= most; d++) {
      copies[n++] = (GstTelucodecCopy) { d, r->size[i] };
      last = d;
    }
  }
  return n;
}

guint
gst_telucodec_redundancy_bytes (const GstTelucodecRedundancy * r, guint packets)
{
  GstTelucodecCopy copies[GST_TELUCODEC_RTP_MAX_DISTANCE];
  const guint n = gst_telucodec_redundancy_copies (r, packets, copies);
  guint bytes = 0, before = 0;

  for (guint i = 0; i < MIN (n, GST_TELUCODEC_RTP_MAX_HEADS); i++) {
    bytes += GST_TELUCODEC_RTP_HEAD_BYTES (copies[i].distance - before, copies[i].size);
    before = copies[i].distance;
  }
  /* One byte says that several follow, and one before each is its length. */
  return packets > 1 ? bytes + 1 + packets : MAX (bytes, 1);
}

gint
gst_telucodec_redundancy_left (gint bitrate, gint loss, gdouble run, guint packets)
{
  GstTelucodecRedundancy r;
  guint bits;

  gst_telucodec_redundancy_choose (&r, bitrate, loss, run);
  bits = gst_telucodec_redundancy_bytes (&r, packets) * GST_TELUCODEC_BITS_PER_BYTE;
  return MAX (TELU_MIN_BITRATE, bitrate - (gint) ((bits + packets - 1) / packets));
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

GstEvent *
gst_telucodec_payload_event (guint packets)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new (PAYLOAD_EVENT, "packets", G_TYPE_UINT, packets, NULL));
}

gboolean
gst_telucodec_payload_parse (GstEvent * event, guint * packets)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_UPSTREAM
      || !gst_event_has_name (event, PAYLOAD_EVENT)
      || !gst_structure_get_uint (gst_event_get_structure (event), "packets", packets))
    return FALSE;
  *packets = CLAMP (*packets, 1, GST_TELUCODEC_RTP_MAX_PACKETS);
  return TRUE;
}
