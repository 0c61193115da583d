/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_models.c - tests that streams of three versions of the weights play in one process, each
 * with its own, by file, by RTP, at once and one after the other; and the messages where weights
 * are missing. */
#include "gst_common.h"

#include <glib/gstdio.h>
#include <gst/sdp/sdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VERSIONS 3

static gchar *place;            /* TELUCODEC_MODEL_PATH is place/a:place/b */
static gchar *weights[VERSIONS];        /* one in TELUCODEC_MODEL, one in b, one of the user */
static gchar *id[VERSIONS];

static gchar *
in_place (const gchar * name)
{
  return g_build_filename (place, name, NULL);
}

static GstElement *
launch (const gchar * format, ...)
{
  GError *error = NULL;
  GstElement *pipe;
  gchar *text;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  pipe = gst_parse_launch (text, &error);
  CHECK (pipe && !error, "%s: %s", text, error ? error->message : "");
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  g_clear_error (&error);
  g_free (text);
  return pipe;
}

/* Waits for the end of the stream, and frees the pipeline. Returns the text of its error, or
 * NULL. */
static gchar *
finish (GstElement * pipe)
{
  GstBus *bus = gst_element_get_bus (pipe);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  GError *error = NULL;
  gchar *text = NULL;

  if (CHECK (message, "no end in a minute") && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    text = g_strdup (error->message);
    g_error_free (error);
  }
  gst_clear_message (&message);
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipe);
  return text;
}

static void
expect_end (GstElement * pipe, const gchar * what)
{
  gchar *error = finish (pipe);

  CHECK (!error, "%s: %s", what, error);
  g_free (error);
}

static void
expect_failure (GstElement * pipe, const gchar * what, const gchar * word)
{
  gchar *error = finish (pipe);

  CHECK (error && strstr (error, word), "%s: '%s', expected '%s'", what, error ? error : "no error",
      word);
  g_free (error);
}

static gchar *
id_of (const gchar * path)
{
  struct telu_model *model = telu_model_open (path);
  gchar *text;

  if (!CHECK (model, "%s: %s", path, telu_error ()))
    return g_strdup ("");
  text = g_strdup (telu_model_id (model));
  telu_model_close (model);
  return text;
}

/* Makes the weights and, of each, a stream and its samples as decoded with model-path. */
static void
make (void)
{
  static const gchar *const name[VERSIONS] = { "first.safetensors", "b/second.safetensors",
    "user/telucodec/third.safetensors"
  };
  static const guint8 flip[VERSIONS] = { 0, 0x40, 0x20 };

  for (gint i = 0; i < VERSIONS; i++) {
    gchar *folder;

    weights[i] = in_place (name[i]);
    folder = g_path_get_dirname (weights[i]);
    g_mkdir_with_parents (folder, 0777);
    tc_write_model (weights[i], "dec.in.w", flip[i]);
    id[i] = id_of (weights[i]);
    expect_end (launch ("audiotestsrc wave=ticks num-buffers=40 samplesperbuffer=800 volume=0.5 ! "
            RAW_CAPS ("F32LE") " ! telucodecenc model-path=%s bitrate=6000 ! telucodecmux ! "
            "filesink location=%s/%d.tlc", weights[i], place, i), "encode");
    expect_end (launch ("filesrc location=%s/%d.tlc ! telucodecparse ! telucodecdec model-path=%s "
            "! " RAW_CAPS ("F32LE") " ! filesink location=%s/%d.raw", place, i, weights[i], place,
            i), "decode");
    g_free (folder);
  }
  CHECK (strcmp (id[0], id[1]) && strcmp (id[1], id[2]) && strcmp (id[0], id[2]),
      "three weights, of which two are the same");
}

static void
expect_same (const gchar * name, const gchar * expected)
{
  gchar *a, *b, *one = in_place (name), *two = in_place (expected);
  gsize n = 0, m = 0;

  if (CHECK (g_file_get_contents (one, &a, &n, NULL) && g_file_get_contents (two, &b, &m, NULL),
          "%s or %s is missing", name, expected)) {
    CHECK (n == m && n > 40000 && !memcmp (a, b, n), "%s has %zu bytes and %s %zu, or others",
        name, n, expected, m);
    g_free (a);
    g_free (b);
  }
  g_free (one);
  g_free (two);
}

/* Without these differences no test here would tell one decoder's weights from another's. */
static void
test_differ (void)
{
  gchar *a, *b, *one = in_place ("0.raw"), *two = in_place ("1.raw");
  gsize n, m;

  if (CHECK (g_file_get_contents (one, &a, &n, NULL) && g_file_get_contents (two, &b, &m, NULL),
          "no sound")) {
    CHECK (n == m && memcmp (a, b, n), "two weights decode to one sound");
    g_free (a);
    g_free (b);
  }
  g_free (one);
  g_free (two);
}

static void
test_at_once (void)
{
  GstElement *pipe[2 * VERSIONS];

  for (gint i = 0; i < VERSIONS; i++) {
    pipe[i] = launch ("filesrc location=%s/%d.tlc ! telucodecparse ! telucodecdec ! "
        RAW_CAPS ("F32LE") " ! filesink location=%s/file%d.raw", place, i, place, i);
    pipe[VERSIONS + i] = launch ("filesrc location=%s/%d.tlc ! telucodecparse ! rtptelucodecpay ! "
        "rtptelucodecdepay ! telucodecdec ! " RAW_CAPS ("F32LE") " ! filesink "
        "location=%s/rtp%d.raw", place, i, place, i);
  }
  for (gint i = 0; i < 2 * VERSIONS; i++)
    expect_end (pipe[i], i < VERSIONS ? "a file" : "RTP");
  for (gint i = 0; i < VERSIONS; i++) {
    gchar *expected = g_strdup_printf ("%d.raw", i), *file = g_strdup_printf ("file%d.raw", i);

    expect_same (file, expected);
    g_free (expected);
    g_free (file);
  }
}

/* Over RTP nothing clips the encoder's delay and the end; all between is the same. */
static void
test_rtp (void)
{
  const gsize delay = TELU_DELAY * sizeof (gfloat);

  for (gint i = 0; i < VERSIONS; i++) {
    gchar *one = g_strdup_printf ("%s/rtp%d.raw", place, i), *a;
    gchar *two = g_strdup_printf ("%s/%d.raw", place, i), *b;
    gsize n, m;

    if (CHECK (g_file_get_contents (one, &a, &n, NULL) && g_file_get_contents (two, &b, &m, NULL),
            "no sound")) {
      CHECK (n >= delay + m && !memcmp (a + delay, b, m),
          "RTP %d has %zu bytes, the file %zu, or others", i, n, m);
      g_free (a);
      g_free (b);
    }
    g_free (one);
    g_free (two);
  }
}

/* One decoder changes its weights with the caps, and back. */
static void
test_one_decoder (void)
{
  static const gint order[] = { 0, 1, 2, 0 };
  GString *all = g_string_new (NULL);
  gchar *path = in_place ("all-expected.raw");

  for (gsize k = 0; k < G_N_ELEMENTS (order); k++) {
    gchar *name = g_strdup_printf ("%s/%d.raw", place, order[k]), *a;
    gsize n;

    if (g_file_get_contents (name, &a, &n, NULL)) {
      g_string_append_len (all, a, n);
      g_free (a);
    }
    g_free (name);
  }
  g_file_set_contents (path, all->str, all->len, NULL);
  expect_end (launch ("concat name=c ! telucodecdec ! " RAW_CAPS ("F32LE")
          " ! filesink location=%s/all.raw filesrc location=%s/0.tlc ! telucodecparse ! c. "
          "filesrc location=%s/1.tlc ! telucodecparse ! c. filesrc location=%s/2.tlc ! "
          "telucodecparse ! c. filesrc location=%s/0.tlc ! telucodecparse ! c.", place, place,
          place, place, place), "one decoder");
  expect_same ("all.raw", "all-expected.raw");
  g_string_free (all, TRUE);
  g_free (path);
}

/* A message names the id and the places; weights of the past have a name. */
static void
test_missing (void)
{
  gchar *hidden = in_place ("hidden"), *places = g_strdup_printf ("%s/a, %s/b, %s/user/telucodec",
      place, place, place);
  const gchar *decode = "filesrc location=%s/2.tlc ! telucodecparse ! telucodecdec ! fakesink";

  g_rename (weights[2], hidden);
  expect_failure (launch (decode, place), "missing weights", id[2]);
  expect_failure (launch (decode, place), "missing weights", ", named third, which");
  expect_failure (launch (decode, place), "missing weights", places);
  expect_failure (launch (decode, place), "missing weights", "telucodec models add");

  /* A file that claims the id has other weights; a pipe does not stop the search. */
  tc_write_model (weights[2], "dec.in.w", 0x10);
  {
    gchar *file, *at, *pipe = in_place ("a/pipe.safetensors"), *folder = in_place ("a");
    gchar *false_id = id_of (weights[2]);
    gsize size;

    g_mkdir (folder, 0777);
    CHECK (mkfifo (pipe, 0600) == 0, "no pipe");
    g_file_get_contents (weights[2], &file, &size, NULL);
    at = g_strstr_len (file + 8, size - 8, false_id);
    if (CHECK (at, "no id"))
      memcpy (at, id[2], 64);
    g_file_set_contents (weights[2], file, size, NULL);
    expect_failure (launch (decode, place), "a false id", "cannot be used");
    g_unlink (pipe);
    g_rmdir (folder);
    g_free (false_id);
    g_free (folder);
    g_free (pipe);
    g_free (file);
  }
  g_rename (hidden, weights[2]);
  expect_end (launch (decode, place), "weights that are back");

  expect_failure (launch ("audiotestsrc num-buffers=4 ! audioconvert ! audioresample ! "
          "telucodecenc ! capssetter replace=false caps=\"audio/x-telucodec,model-id=(string)"
          "a90700a108090fbfa016c23294cdb7ac51a349ea4ce08c8d31594e37741727d1\" ! telucodecdec ! "
          "fakesink"), "weights of 0.3", "telucodec-te-16k of TeluCodec 0.3");
  g_free (hidden);
  g_free (places);
}

static gboolean
has_word (const gchar * name, const gchar * word)
{
  gchar *path = in_place (name), *data = NULL;
  const gsize n = strlen (word);
  gsize size = 0;
  gboolean found = FALSE;

  CHECK (g_file_get_contents (path, &data, &size, NULL), "%s is missing", name);
  for (gsize at = 0; at + n <= size && !found; at++)
    found = memcmp (data + at, word, n) == 0;
  g_free (data);
  g_free (path);
  return found;
}

/* A file has its weights' name beside other tags; sound that is coded again gets another. */
static void
test_name (void)
{
  CHECK (has_word ("1.tlc", "WEIGHTS=second"), "no name in a file");
  expect_end (launch ("filesrc location=%s/1.tlc ! telucodecparse ! taginject "
          "tags=\"title=a,extended-comment=b\" ! telucodecdec ! telucodecenc model-path=%s ! "
          "telucodecmux ! filesink location=%s/again.tlc", place, weights[2], place), "again");
  CHECK (has_word ("again.tlc", "WEIGHTS=third") && !has_word ("again.tlc", "WEIGHTS=second")
      && has_word ("again.tlc", "TITLE=a"), "a name outlives its weights");
  expect_end (launch ("filesrc location=%s/1.tlc ! telucodecparse ! telucodecmux ! "
          "filesink location=%s/moved.tlc", place, place), "moved");
  CHECK (has_word ("moved.tlc", "WEIGHTS=second"), "a name is lost");
}

/* Returns caps as they come out of an SDP that was made from them. */
static GstCaps *
through_sdp (const GstCaps * caps)
{
  GstSDPMessage *made, *read;
  GstSDPMedia *media;
  GstCaps *got = NULL;
  gchar *text;

  gst_sdp_message_new (&made);
  gst_sdp_media_new (&media);
  gst_sdp_media_set_media_from_caps (caps, media);
  gst_sdp_message_add_media (made, media);
  gst_sdp_media_free (media);
  text = gst_sdp_message_as_text (made);
  if (CHECK (gst_sdp_message_new_from_text (text, &read) == GST_SDP_OK
          && gst_sdp_message_medias_len (read) == 1, "no SDP: %s", text)) {
    const GstSDPMedia *one = gst_sdp_message_get_media (read, 0);

    got = gst_sdp_media_get_caps_from_media (one, atoi (gst_sdp_media_get_format (one, 0)));
    gst_sdp_media_attributes_to_caps (one, got);
    gst_structure_set_name (gst_caps_get_structure (got, 0), "application/x-rtp");
    gst_sdp_message_free (read);
  }
  gst_sdp_message_free (made);
  g_free (text);
  return got;
}

/* A receiver without the weights names them: RTP carries their name in the SDP. */
static void
test_sdp (void)
{
  gchar *hidden = in_place ("hidden");
  gchar *text = g_strdup_printf ("telucodecenc model-path=%s ! rtptelucodecpay", weights[2]);
  GstHarness *send = gst_harness_new_parse (text), *receive;
  gfloat *pcm = tc_signal (5 * TELU_PACKET);
  GstBuffer *buf;
  GstCaps *caps;
  GstBus *bus;

  gst_harness_set_src_caps_str (send, RAW_CAPS ("F32LE"));
  gst_harness_push (send, tc_raw_buffer (pcm, 0, 5 * TELU_PACKET, FALSE));
  caps = gst_pad_get_current_caps (send->sinkpad);
  g_rename (weights[2], hidden);

  receive = gst_harness_new_parse ("rtptelucodecdepay ! telucodecdec");
  bus = tc_watch (receive);
  gst_harness_set_src_caps (receive, through_sdp (caps));
  while ((buf = gst_harness_try_pull (send)))
    gst_harness_push (receive, buf);
  tc_expect_error (bus, "RTP", GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, ", named third, which");

  g_rename (hidden, weights[2]);
  tc_unwatch (receive, bus);
  gst_harness_teardown (receive);
  gst_harness_teardown (send);
  gst_caps_unref (caps);
  g_free (pcm);
  g_free (text);
  g_free (hidden);
}

/* A name cannot add lines to an SDP or to a message, nor fill them. */
static void
test_long_name (void)
{
  gchar *name = g_strdup_printf ("m\na=b\r\x7f %0100d", 1), *kept;
  GstHarness *h = gst_harness_new ("rtptelucodecpay");
  gfloat *pcm = tc_signal (TELU_PACKET);
  GPtrArray *packets = tc_encode (pcm, TELU_PACKET, NULL);
  gchar *text = tc_coded_caps ();
  GstCaps *caps = gst_caps_from_string (text);
  const gchar *got;

  gst_caps_set_simple (caps, "model-name", G_TYPE_STRING, name, NULL);
  gst_harness_set_src_caps (h, caps);
  gst_buffer_unref (gst_harness_push_and_pull (h, tc_packet_buffer (packets, 0, TELU_PACKET)));
  caps = gst_pad_get_current_caps (h->sinkpad);
  got = gst_structure_get_string (gst_caps_get_structure (caps, 0), "a-model-name");
  kept = g_strdup_printf ("ma=b %059d", 0);
  CHECK (got && g_str_equal (got, kept), "'%s', expected '%s'", got, kept);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (kept);
  g_free (text);
  g_free (name);
  g_free (pcm);
}

/* The file of model-path is never replaced. */
static void
test_given (void)
{
  expect_failure (launch ("filesrc location=%s/2.tlc ! telucodecparse ! telucodecdec model-path=%s "
          "! fakesink", place, weights[1]), "given weights", id[1]);
  expect_failure (launch ("filesrc location=%s/2.tlc ! telucodecparse ! telucodectransrate "
          "max-bitrate=1000 model-path=%s ! fakesink", place, weights[1]), "given weights", id[1]);
}

/* A transrater looks for weights only where it needs them. */
static void
test_transrate (void)
{
  const gchar *lower = "filesrc location=%s/2.tlc ! telucodecparse ! telucodectransrate "
      "max-bitrate=%d ! telucodecdec ! fakesink";
  gchar *hidden = in_place ("hidden");

  expect_end (launch (lower, place, 1000), "the stream's weights");
  g_rename (weights[2], hidden);
  expect_failure (launch ("filesrc location=%s/2.tlc ! telucodecparse ! telucodectransrate "
          "max-bitrate=1000 ! fakesink", place), "missing weights", ", named third, which");
  expect_end (launch ("filesrc location=%s/2.tlc ! telucodecparse ! telucodectransrate ! fakesink",
          place), "no weights needed");
  g_rename (hidden, weights[2]);
  g_free (hidden);
}

static void
sweep (const gchar * path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    gchar *below = g_build_filename (path, name, NULL);

    sweep (below);
    g_free (below);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

int
main (int argc, char **argv)
{
  gchar *path, *user;

  place = g_dir_make_tmp ("telucodec-XXXXXX", NULL);
  path = g_strdup_printf ("%s/a:%s/b", place, place);
  user = in_place ("user");
  g_setenv ("TELUCODEC_MODEL_PATH", path, TRUE);
  g_setenv ("XDG_DATA_HOME", user, TRUE);
  tc_init (&argc, &argv);
  make ();
  test_differ ();
  test_at_once ();
  test_rtp ();
  test_one_decoder ();
  test_name ();
  test_missing ();
  test_sdp ();
  test_long_name ();
  test_given ();
  test_transrate ();
  sweep (place);
  for (gint i = 0; i < VERSIONS; i++) {
    g_free (weights[i]);
    g_free (id[i]);
  }
  g_free (user);
  g_free (path);
  g_free (place);
  return tc_done ("gst_models");
}
