/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_tags.c - the tags of telucodecenc tell what is coded. */
#include "gst_common.h"

#include "weights.h"

#define BASE 1000000            /* stands for all stages of the base layer alone */
#define LEVELS 1600             /* the most that levels take */

static guint
base_bitrate (void)
{
  const struct telu_model *m = tc_model ();

  return (1 + m->cfg.stages * m->n + 7) / 8 * 400;
}

/* Checks that the tags tell the bit rate that is coded, also one that the settings cannot
 * reach, and that a property set to the value it has sends none. */
static void
test_bitrate (void)
{
  static const struct
  {
    struct telu_rate rate;
    guint nominal;
  } cases[] = {
    {{16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1}, 16000},
    {{16000, TELU_VBR, TELU_SNR, 1}, 16000},
    {{64000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 0}, BASE + LEVELS},
    {{64000, TELU_CONSTRAINED_VBR, TELU_SNR, 0}, BASE},
    {{64000, TELU_CBR, TELU_SNR, 0}, BASE},
    {{64000, TELU_CBR, TELU_PERCEPTUAL, 0}, 64000},
    {{599, TELU_CBR, TELU_PERCEPTUAL, 1}, 400},
    {{16399, TELU_CBR, TELU_SNR, 1}, 16000},
    {{500, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1}, 500},
  };
  const gint n = 200 * TELU_PACKET;
  const guint base = base_bitrate ();
  gfloat *pcm = tc_signal (n);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct telu_rate *r = &cases[i].rate;
    GstHarness *h = gst_harness_new ("telucodecenc");
    guint nominal = 0, bitrate = 0, events = 0, want = cases[i].nominal;
    gdouble coded = 0;
    GstEvent *event;
    GstBuffer *buf;

    gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
    for (gint k = 0; k < n; k += TELU_PACKET) {
      g_object_set (h->element, "bitrate", r->bitrate, "bitrate-type", r->mode,
          "tune", r->tune, "refinement", r->refinement, NULL);
      gst_harness_push (h, tc_raw_buffer (pcm, k, TELU_PACKET, FALSE));
    }
    gst_harness_push_event (h, gst_event_new_eos ());
    while ((buf = gst_harness_try_pull (h))) {
      coded += gst_buffer_get_size (buf) * 400.0 / (n / TELU_PACKET + 1);
      gst_buffer_unref (buf);
    }
    while ((event = gst_harness_try_pull_event (h))) {
      GstTagList *tags;

      if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
        gst_event_parse_tag (event, &tags);
        events++;
        gst_tag_list_get_uint (tags, GST_TAG_NOMINAL_BITRATE, &nominal);
        gst_tag_list_get_uint (tags, GST_TAG_BITRATE, &bitrate);
      }
      gst_event_unref (event);
    }
    if (cases[i].nominal >= BASE)
      want = base + cases[i].nominal - BASE;
    CHECK (nominal == want, "case %u: nominal %u, expected %u", i, nominal,
        want);
    CHECK (ABS (bitrate - coded) <= 0.05 * coded + 1, "case %u: tagged %u, coded %.0f", i,
        bitrate, coded);
    CHECK (r->mode != TELU_CBR || bitrate == nominal, "case %u: %u and %u", i, bitrate,
        nominal);
    CHECK (events >= 1 && events <= 5, "case %u: %u events", i, events);
    gst_harness_teardown (h);
  }
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_bitrate ();
  return tc_done ("test_gst_tags");
}
