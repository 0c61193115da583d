/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_tags.c - the tags of telucodecenc tell what is coded, and those of a recording go
 * through a .tlc file. */
#include "gst_file.h"

#include <string.h>

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

/* --- Through a file ------------------------------------------------------------ */

#define TITLE "తెలుగు కథ; TLP TeLC = \"x\""

static GstTagList *
some_tags (void)
{
  return gst_tag_list_new (GST_TAG_TITLE, TITLE, GST_TAG_ARTIST, "a", GST_TAG_ARTIST, "b",
      GST_TAG_LANGUAGE_CODE, "te", GST_TAG_COMMENT, "", GST_TAG_TRACK_NUMBER, 7,
      GST_TAG_BITRATE, 12345, NULL);
}

/* Returns the file of one packet. upstream: a TAG event, setter: set on the muxer; NULL: none. */
static GByteArray *
make_file (GstTagList * upstream, GstTagList * setter, gint warnings)
{
  GstHarness *h = gst_harness_new_parse ("telucodecenc ! telucodecmux name=mux");
  GByteArray *file = g_byte_array_new ();
  gfloat *pcm = tc_signal (TELU_PACKET);
  GstElement *mux = gst_bin_get_by_name (GST_BIN (h->element), "mux");
  GstBus *bus = gst_bus_new ();
  guint headers = 0;
  GstBuffer *buf;
  GstCaps *caps;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
  if (upstream)
    gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_copy (upstream)));
  if (setter)
    gst_tag_setter_merge_tags (GST_TAG_SETTER (mux), setter, GST_TAG_MERGE_REPLACE);
  gst_harness_push (h, tc_raw_buffer (pcm, 0, TELU_PACKET, FALSE));
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((buf = gst_harness_try_pull (h))) {
    GstMapInfo map;

    gst_buffer_map (buf, &map, GST_MAP_READ);
    headers += GST_BUFFER_FLAG_IS_SET (buf, GST_BUFFER_FLAG_HEADER);
    g_byte_array_append (file, map.data, map.size);
    gst_buffer_unmap (buf, &map);
    gst_buffer_unref (buf);
  }
  caps = gst_pad_get_current_caps (h->sinkpad);
  CHECK (gst_value_array_get_size (gst_structure_get_value (gst_caps_get_structure (caps,
                  0), "streamheader")) == headers, "%u headers, others in the caps",
      headers);
  gst_caps_unref (caps);
  CHECK (file_warnings (bus, "bytes", "tags") == warnings, "not %d warnings", warnings);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_object_unref (mux);
  gst_harness_teardown (h);
  g_free (pcm);
  return file;
}

/* Returns the tags that the parser sends for the file. Checks its packets and warnings. */
static GstTagList *
read_tags (GByteArray * file, gint warnings, const gchar * what)
{
  GstTagList *found = gst_tag_list_new_empty (), *tags;
  GstBus *bus;
  GstHarness *h = file_parser (&bus);
  GstEvent *event;

  file_feed (h, file->data, file->len, 50);
  CHECK (gst_harness_buffers_in_queue (h) == 2, "%s: %u packets", what,
      gst_harness_buffers_in_queue (h));
  CHECK (file_warnings (bus, "tags", what) == warnings, "%s: not %d warnings", what,
      warnings);
  file_expect_no_error (bus, what);
  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
      gst_event_parse_tag (event, &tags);
      gst_tag_list_insert (found, tags, GST_TAG_MERGE_REPLACE);
    }
    gst_event_unref (event);
  }
  file_done (h, bus);
  return found;
}

static gboolean
has_block (GByteArray * file)
{
  return memcmp (file->data + TLC_HEADER_SIZE, TLC_TAGS_MAGIC, 4) == 0;
}

static void
expect_tags (GByteArray * file, const gchar * what)
{
  GstTagList *want = some_tags (), *got = read_tags (file, 0, what);
  gchar *encoder = NULL;
  guint bitrate = 0;

  CHECK (has_block (file), "%s: no tags in the file", what);
  gst_tag_list_get_string (got, GST_TAG_ENCODER, &encoder);
  gst_tag_list_get_uint (got, GST_TAG_BITRATE, &bitrate);
  CHECK (!g_strcmp0 (encoder, "telucodecenc"), "%s: encoder %s", what, encoder);
  CHECK (bitrate != 12345, "%s: the bit rate of another stream", what);
  g_free (encoder);
  gst_tag_list_remove_tag (want, GST_TAG_BITRATE);
  gst_tag_list_remove_tag (want, GST_TAG_COMMENT);
  for (gint i = 0; i < gst_tag_list_n_tags (want); i++) {
    const gchar *name = gst_tag_list_nth_tag_name (want, i);

    CHECK (gst_tag_list_get_tag_size (got, name) == gst_tag_list_get_tag_size (want, name),
        "%s: %u of %s", what, gst_tag_list_get_tag_size (got, name), name);
    for (guint k = 0; k < gst_tag_list_get_tag_size (got, name); k++)
      CHECK (gst_value_compare (gst_tag_list_get_value_index (got, name, k),
              gst_tag_list_get_value_index (want, name, k)) == GST_VALUE_EQUAL,
          "%s: another %s", what, name);
  }
  gst_tag_list_unref (want);
  gst_tag_list_unref (got);
}

static void
test_file (void)
{
  GstTagList *tags = some_tags (), *large;
  GByteArray *plain = make_file (NULL, NULL, 0), *file, *set;
  gchar *text = g_strnfill (70000, 'x');
  gsize block;

  CHECK (!has_block (plain), "the encoder's tags alone take a block");
  file = make_file (tags, NULL, 0);
  expect_tags (file, "TAG event");
  set = make_file (NULL, tags, 0);
  expect_tags (set, "tag setter");
  g_byte_array_unref (set);

  /* Without the block, the file is the plain one; damaged, it costs itself alone. */
  block = file->len - plain->len;
  CHECK (memcmp (file->data, plain->data, TLC_HEADER_SIZE) == 0
      && memcmp (file->data + TLC_HEADER_SIZE + block, plain->data + TLC_HEADER_SIZE,
          plain->len - TLC_HEADER_SIZE) == 0, "the tags change other bytes");
  file->data[TLC_HEADER_SIZE + 40] ^= 1;
  gst_tag_list_unref (read_tags (file, 1, "damaged"));

  large = gst_tag_list_new (GST_TAG_TITLE, text, NULL);
  set = make_file (NULL, large, 1);
  CHECK (!has_block (set) && set->len == plain->len, "too long tags are written");

  gst_tag_list_unref (large);
  gst_tag_list_unref (tags);
  g_byte_array_unref (set);
  g_byte_array_unref (file);
  g_byte_array_unref (plain);
  g_free (text);
}

int
main (int argc, char **argv)
{
  gchar *shipped;

  tc_init (&argc, &argv);
  /* Weights of the shipped name need no tag that names them. */
  shipped = tc_path ("telucodec-te-16k.safetensors");
  tc_write_model (shipped, NULL, 0);
  g_setenv ("TELUCODEC_MODEL", shipped, TRUE);
  test_bitrate ();
  test_file ();
  g_free (shipped);
  return tc_done ("test_gst_tags");
}
