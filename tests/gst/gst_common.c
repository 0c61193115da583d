/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_common.c - see gst_common.h. */
#include "gst_common.h"

#include <glib/gstdio.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gint failures, checks;
static struct telu_model *model;
static gchar *folder;

gboolean
tc_check (gboolean ok, const gchar * func, gint line, const gchar * text,
    const gchar * format, ...)
{
  va_list args;

  g_atomic_int_inc (&checks);
  if (ok)
    return TRUE;
  g_atomic_int_inc (&failures);
  printf ("%s:%d: %s: ", func, line, text);
  va_start (args, format);
  vprintf (format, args);
  va_end (args);
  printf ("\n");
  return FALSE;
}

void
tc_init (int *argc, char ***argv)
{
  GstElementFactory *factory;

  gst_init (argc, argv);
  factory = gst_element_factory_find ("telucodecenc");
  if (!factory) {
    printf ("telucodecenc is not registered: GST_PLUGIN_PATH must name the "
        "folder of the plugin\n");
    exit (1);
  }
  gst_object_unref (factory);

  if (!g_getenv ("TELUCODEC_MODEL")) {
    printf ("TELUCODEC_MODEL is not set\n");
    exit (1);
  }
  model = telu_model_open (g_getenv ("TELUCODEC_MODEL"));
  if (!model) {
    printf ("%s\n", telu_error ());
    exit (1);
  }
  folder = g_dir_make_tmp ("telucodec-XXXXXX", NULL);
}

int
tc_done (const gchar * name)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *entry;

  while (dir && (entry = g_dir_read_name (dir))) {
    gchar *path = tc_path (entry);

    g_unlink (path);
    g_free (path);
  }
  if (dir)
    g_dir_close (dir);
  g_rmdir (folder);
  g_free (folder);
  telu_model_close (model);
  printf ("%s: %d of %d checks failed\n", name, failures, checks);
  return failures != 0;
}

struct telu_model *
tc_model (void)
{
  return model;
}

const gchar *
tc_model_path (void)
{
  return g_getenv ("TELUCODEC_MODEL");
}

gboolean
tc_in_batches (void)
{
  return g_getenv ("TELUCODEC_TEST_BATCHES") != NULL;
}

gchar *
tc_path (const gchar * name)
{
  return g_build_filename (folder, name, NULL);
}

/* Returns the offset in the data at which a tensor begins; G_MAXSIZE where there is none. */
static gsize
tensor_offset (const gchar * header, gsize size, const gchar * tensor)
{
  gchar *key = g_strdup_printf ("\"%s\"", tensor);
  const gchar *at = g_strstr_len (header, size, key);

  at = at ? strstr (at, "data_offsets") : NULL;
  at = at ? strchr (at, '[') : NULL;
  g_free (key);
  return at ? g_ascii_strtoull (at + 1, NULL, 10) : G_MAXSIZE;
}

void
tc_write_model (const gchar * path, const gchar * tensor, guint8 flip)
{
  gchar *file, *data, *id, *at;
  gsize size, header, own, begin;

  if (!g_file_get_contents (tc_model_path (), &file, &size, NULL))
    exit (1);
  header = GST_READ_UINT64_LE (file);
  data = file + 8 + header;
  begin = tensor ? tensor_offset (file + 8, header, tensor) : 0;
  /* The id leaves out the post-network, whose tensors come last. */
  own = MIN (tensor_offset (file + 8, header, "post.in.w"), (gsize) (file + size - data));
  at = g_strstr_len (file + 8, header, telu_model_id (model));
  if (!at || begin >= own) {
    printf ("no model id or no %s in %s\n", tensor, tc_model_path ());
    exit (1);
  }
  data[begin] ^= flip;
  id = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) data, own);
  memcpy (at, id, 64);
  if (!g_file_set_contents (path, file, size, NULL))
    exit (1);
  g_free (id);
  g_free (file);
}

void
tc_write_other_model (const gchar * path)
{
  /* The bit is the lowest one of the first tensor's first number, a bfloat16. */
  tc_write_model (path, NULL, 1);
}

gfloat *
tc_signal (gint n)
{
  gfloat *pcm = g_new0 (gfloat, MAX (n, 1));
  guint32 noise = 1;

  for (gint i = 0; i < n; i++) {
    const double t = i / 16000.0, pitch = 120 + 30 * sin (5 * t);
    double x = 0;

    for (gint k = 1; k < 20; k++)
      x += sin (2 * G_PI * k * pitch * t) / (k + 2);
    noise = noise * 1664525u + 1013904223u;
    x += (noise >> 8) / 16777216.0 * 0.1;
    pcm[i] = 0.2 * x * (0.6 + 0.4 * sin (20 * t));
  }
  return pcm;
}

GstClockTime
tc_time (gint64 samples)
{
  return gst_util_uint64_scale (samples, GST_SECOND, TELU_RATE);
}

GstBuffer *
tc_raw_buffer (const gfloat * pcm, gint from, gint n, gboolean s16)
{
  GstBuffer *buf = gst_buffer_new_allocate (NULL, n * (s16 ? 2 : 4), NULL);
  GstMapInfo map;

  gst_buffer_map (buf, &map, GST_MAP_WRITE);
  for (gint i = 0; i < n; i++) {
    if (s16)
      GST_WRITE_UINT16_LE (map.data + 2 * i,
          (gint16) lrintf (32768 * pcm[from + i]));
    else
      GST_WRITE_FLOAT_LE (map.data + 4 * i, pcm[from + i]);
  }
  gst_buffer_unmap (buf, &map);
  GST_BUFFER_PTS (buf) = tc_time (from);
  GST_BUFFER_DURATION (buf) = tc_time (from + n) - tc_time (from);
  return buf;
}

GPtrArray *
tc_encode (const gfloat * pcm, gint n, const struct telu_rate *rate)
{
  GPtrArray *out = g_ptr_array_new_with_free_func ((GDestroyNotify)
      g_bytes_unref);
  struct telu_encoder *enc = telu_encoder_new (model, NULL);
  const struct telu_rate standard = telu_rate_init ();
  const gint count = n > 0 ? (n + TELU_DELAY + TELU_PACKET - 1) / TELU_PACKET : 0;
  guint8 packet[TELU_MAX_PACKET];

  telu_encoder_set (enc, rate ? rate : &standard);
  for (gint k = 0; k < count; k++) {
    gfloat x[TELU_PACKET];

    for (gint i = 0; i < TELU_PACKET; i++)
      x[i] = pcm[MIN (k * TELU_PACKET + i, n - 1)];
    g_ptr_array_add (out, g_bytes_new (packet,
            telu_encode (enc, x, packet, sizeof (packet))));
  }
  telu_encoder_free (enc);
  return out;
}

GstBuffer *
tc_packet_buffer (GPtrArray * packets, gint k, gint n)
{
  GBytes *bytes = g_ptr_array_index (packets, k);
  GstBuffer *buf = gst_buffer_new_wrapped_bytes (bytes);
  const gint64 from = k ? k * TELU_PACKET - TELU_DELAY : 0;
  const gint64 to = MIN (k * TELU_PACKET + TELU_PACKET - TELU_DELAY, n);
  const gint end = k * TELU_PACKET + TELU_PACKET - TELU_DELAY - to;

  GST_BUFFER_PTS (buf) = tc_time (from);
  GST_BUFFER_DURATION (buf) = tc_time (to) - tc_time (from);
  if (k == 0 || end)
    gst_buffer_add_audio_clipping_meta (buf, GST_FORMAT_DEFAULT,
        k ? 0 : TELU_DELAY, end);
  if (k == 0)
    GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
  return buf;
}

gfloat *
tc_decode (GPtrArray * packets, gint n)
{
  struct telu_decoder *dec = telu_decoder_new (model, NULL);
  gfloat *all = g_new0 (gfloat, packets->len * TELU_PACKET + n + 1);
  gfloat *out = g_new0 (gfloat, n + 1);

  for (guint k = 0; k < packets->len; k++) {
    gsize size;
    gconstpointer data = g_bytes_get_data (g_ptr_array_index (packets, k),
        &size);

    telu_decode (dec, data, size, all + k * TELU_PACKET);
  }
  memcpy (out, all + TELU_DELAY, n * sizeof (gfloat));
  g_free (all);
  telu_decoder_free (dec);
  return out;
}

gchar *
tc_coded_caps (void)
{
  return g_strdup_printf ("audio/x-telucodec,framed=true,rate=16000,channels=1,"
      "model-id=(string)%s", telu_model_id (model));
}

gint
tc_clip_start (GstBuffer * buf)
{
  GstAudioClippingMeta *meta = gst_buffer_get_audio_clipping_meta (buf);

  return meta ? (gint) meta->start : 0;
}

gint
tc_clip_end (GstBuffer * buf)
{
  GstAudioClippingMeta *meta = gst_buffer_get_audio_clipping_meta (buf);

  return meta ? (gint) meta->end : 0;
}

gboolean
tc_same_bytes (GstBuffer * buf, GBytes * bytes)
{
  return gst_buffer_get_size (buf) == g_bytes_get_size (bytes)
      && gst_buffer_memcmp (buf, 0, g_bytes_get_data (bytes, NULL),
      g_bytes_get_size (bytes)) == 0;
}

GArray *
tc_pull_raw (GstHarness * h, gboolean s16, gint64 pts)
{
  GArray *out = g_array_new (FALSE, FALSE, sizeof (gfloat));
  GstBuffer *buf;

  while ((buf = gst_harness_try_pull (h))) {
    GstMapInfo map;
    gint n;

    gst_buffer_map (buf, &map, GST_MAP_READ);
    n = map.size / (s16 ? 2 : 4);
    CHECK (n > 0, "an empty buffer at sample %u", out->len);
    CHECK (GST_BUFFER_PTS (buf) == tc_time (pts),
        "at sample %u: %" GST_TIME_FORMAT ", expected %" GST_TIME_FORMAT,
        out->len, GST_TIME_ARGS (GST_BUFFER_PTS (buf)),
        GST_TIME_ARGS (tc_time (pts)));
    CHECK (GST_BUFFER_PTS (buf) + GST_BUFFER_DURATION (buf) ==
        tc_time (pts + n), "at sample %u: duration %" GST_TIME_FORMAT
        ", expected %d samples", out->len,
        GST_TIME_ARGS (GST_BUFFER_DURATION (buf)), n);
    CHECK (!gst_buffer_get_audio_clipping_meta (buf),
        "clipping was left on the output");
    for (gint i = 0; i < n; i++) {
      gfloat x = s16 ? (gint16) GST_READ_UINT16_LE (map.data + 2 * i) :
          GST_READ_FLOAT_LE (map.data + 4 * i);

      g_array_append_val (out, x);
    }
    pts += n;
    gst_buffer_unmap (buf, &map);
    gst_buffer_unref (buf);
  }
  return out;
}

GstMessage *
tc_message (GstBus * bus, GstMessageType type)
{
  return gst_bus_pop_filtered (bus, type);
}

void
tc_expect_error (GstBus * bus, const gchar * what, GQuark domain, gint code,
    const gchar * word)
{
  GstMessage *message = tc_message (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (!CHECK (message, "%s: no error on the bus", what))
    return;
  gst_message_parse_error (message, &error, NULL);
  CHECK (error->domain == domain && error->code == code,
      "%s: %s code %d, expected %s code %d (%s)", what,
      g_quark_to_string (error->domain), error->code,
      g_quark_to_string (domain), code, error->message);
  CHECK (strstr (error->message, word), "%s: '%s', expected to name '%s'", what,
      error->message, word);
  g_error_free (error);
  gst_message_unref (message);
}

GstHarness *
tc_decoder (const gchar * sink_caps)
{
  GstHarness *h = gst_harness_new ("telucodecdec");
  gchar *caps = tc_coded_caps ();

  if (sink_caps)
    gst_harness_set_sink_caps_str (h, sink_caps);
  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

GstHarness *
tc_payloader (guint redundancy, guint distance)
{
  /* The sequence numbers wrap at 65535. A running element has chosen them. */
  GstElement *pay = gst_element_factory_make_full ("rtptelucodecpay", "redundancy", redundancy,
      "redundancy-distance", distance, "seqnum-offset", 65532, NULL);
  GstHarness *h = gst_harness_new_with_element (pay, "sink", "src");
  gchar *caps = tc_coded_caps ();

  gst_object_unref (pay);
  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

GstBus *
tc_watch (GstHarness * h)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  return bus;
}

void
tc_unwatch (GstHarness * h, GstBus * bus)
{
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
}

void
tc_expect_samples (GArray * got, const gfloat * expected, gint n,
    const gchar * what)
{
  if (!CHECK ((gint) got->len == n, "%s: %u samples, expected %d", what,
          got->len, n))
    return;
  for (gint i = 0; i < n; i++) {
    if (!CHECK (g_array_index (got, gfloat, i) == expected[i],
            "%s: sample %d is %g, expected %g", what, i,
            g_array_index (got, gfloat, i), expected[i]))
      return;
  }
}

guint64
tc_stat (GstHarness * h, const gchar * field)
{
  GstStructure *stats;
  guint64 value = G_MAXUINT64;

  g_object_get (h->element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, field, &value);
  gst_structure_free (stats);
  return value;
}

void
tc_test_states (const gchar * name)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  gchar *active;

  for (gint i = 0; i < 3; i++) {
    g_object_get (element, "active-backend", &active, NULL);
    CHECK (!active, "%s: active-backend %s while stopped", name, active);
    CHECK (gst_element_set_state (element, GST_STATE_PLAYING) ==
        GST_STATE_CHANGE_SUCCESS, "%s: does not start (round %d)", name, i);
    g_object_get (element, "active-backend", &active, NULL);
    CHECK (!g_strcmp0 (active, tc_in_batches ()? "cuda" : "cpu"),
        "%s: active-backend %s", name, active);
    g_free (active);
    CHECK (gst_element_set_state (element, i & 1 ? GST_STATE_READY :
            GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS,
        "%s: does not stop (round %d)", name, i);
  }
  gst_element_set_state (element, GST_STATE_NULL);
  CHECK (GST_OBJECT_REFCOUNT (element) == 1, "%s: %d references left", name,
      GST_OBJECT_REFCOUNT (element));
  gst_object_unref (element);
}
