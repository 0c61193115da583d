/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_threads.c [SECONDS] - all that several threads do to the elements at once, for
 * ThreadSanitizer: properties change and are read while sound flows, streams of one model start
 * and stop, and states change and seeks come in mid-stream. Without it the test checks that each
 * stream goes on and ends without an error. */
#include "gst_pipes.h"

#include <stdio.h>
#include <stdlib.h>

#define STREAMS 6

static gint64 seconds = 1;

/* Sets a property of the named element, if it is there, to one of the values. */
static void
change (GstElement * pipe, GRand * chance, const gchar * name, const gchar * property,
    const gchar * const *values)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), name);
  const gchar *value = values[g_rand_int_range (chance, 0, g_strv_length ((gchar **) values))];

  if (e) {
    gst_util_set_object_arg (G_OBJECT (e), property, value);
    gst_object_unref (e);
  }
}

static void
read_all (GstElement * pipe, const gchar * name)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), name);
  GParamSpec **specs;
  guint n;

  if (!e)
    return;
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (e), &n);
  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    if (!(specs[i]->flags & G_PARAM_READABLE))
      continue;
    g_value_init (&value, specs[i]->value_type);
    g_object_get_property (G_OBJECT (e), specs[i]->name, &value);
    g_value_unset (&value);
  }
  g_free (specs);
  gst_object_unref (e);
}

static void
query (GstElement * pipe)
{
  GstQuery *latency = gst_query_new_latency ();
  gint64 value;

  gst_element_query (pipe, latency);
  gst_element_query_position (pipe, GST_FORMAT_TIME, &value);
  gst_element_query_duration (pipe, GST_FORMAT_TIME, &value);
  gst_query_unref (latency);
}

/* Changes and reads everything that may change while playing. */
static void
disturb (GstElement * pipe, GRand * chance)
{
  static const gchar *const names[] = { "enc", "dec", "mux", "parse", "pay", "depay" };
  static const gchar *const rates[] = { "500", "4000", "9000", "16000", "64000", NULL };
  static const gchar *const types[] = { "vbr", "constrained-vbr", "cbr", NULL };
  static const gchar *const tunes[] = { "snr", "perceptual", NULL };
  static const gchar *const truth[] = { "true", "false", NULL };
  static const gchar *const percents[] = { "0", "5", "20", NULL };
  static const gchar *const sizes[] = { "0", "6", "20", NULL };
  static const gchar *const distances[] = { "1", "2", "7", NULL };

  change (pipe, chance, "enc", "bitrate", rates);
  change (pipe, chance, "enc", "bitrate-type", types);
  change (pipe, chance, "enc", "tune", tunes);
  change (pipe, chance, "enc", "dtx", truth);
  change (pipe, chance, "enc", "refinement", truth);
  change (pipe, chance, "enc", "high-pass", truth);
  change (pipe, chance, "enc", "packet-loss-percentage", percents);
  change (pipe, chance, "dec", "plc", truth);
  change (pipe, chance, "pay", "redundancy", sizes);
  change (pipe, chance, "pay", "redundancy-distance", distances);
  change (pipe, chance, "depay", "use-redundancy", truth);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    read_all (pipe, names[i]);
  query (pipe);
}

static void
test_properties (void)
{
  GRand *chance = g_rand_new_with_seed (3);

  for (guint kind = 0; kind < PIPES; kind++) {
    const gint64 end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
    GstElement *pipe = pipes_open (kind, 100000);
    gint changes = 0;

    gst_element_set_state (pipe, GST_STATE_PLAYING);
    while (g_get_monotonic_time () < end && !pipes_ended (pipe, "properties")) {
      disturb (pipe, chance);
      changes++;
    }
    CHECK (changes > 10, "%d changes", changes);
    gst_element_set_state (pipe, GST_STATE_NULL);
    gst_object_unref (pipe);
  }
  g_rand_free (chance);
}

/* Plays short streams to their ends, one after another. */
static gpointer
play_streams (gpointer number)
{
  const gint64 end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  GRand *chance = g_rand_new_with_seed (GPOINTER_TO_UINT (number));
  guint played = 0;

  while (g_get_monotonic_time () < end) {
    GstElement *pipe = pipes_open (g_rand_int (chance), g_rand_int_range (chance, 1, 60));
    GstBus *bus = gst_element_get_bus (pipe);
    GstMessage *message;

    gst_element_set_state (pipe, GST_STATE_PLAYING);
    if (g_rand_int_range (chance, 0, 4) > 0) {
      message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
          GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
      CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "stream %u has no end",
          GPOINTER_TO_UINT (number));
      gst_clear_message (&message);
      played++;
    }
    gst_element_set_state (pipe, GST_STATE_NULL);
    gst_object_unref (bus);
    gst_object_unref (pipe);
  }
  g_rand_free (chance);
  return GUINT_TO_POINTER (played);
}

static void
test_streams (void)
{
  GThread *threads[STREAMS];
  guint played = 0;

  for (guint i = 0; i < STREAMS; i++)
    threads[i] = g_thread_new ("stream", play_streams, GUINT_TO_POINTER (i + 1));
  for (guint i = 0; i < STREAMS; i++)
    played += GPOINTER_TO_UINT (g_thread_join (threads[i]));
  CHECK (played >= STREAMS, "%u streams were played to the end", played);
  printf ("%u streams\n", played);
}

/* Changes states and seeks at random moments; then a stream still comes to its end. */
static void
test_states (void)
{
  static const GstState states[] = {
    GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL
  };
  GRand *chance = g_rand_new_with_seed (9);

  for (guint kind = 0; kind < PIPES; kind++) {
    const gint64 end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
    GstElement *pipe = pipes_open (kind, 200);
    GstBus *bus = gst_element_get_bus (pipe);
    GstMessage *message;

    while (g_get_monotonic_time () < end) {
      gst_element_set_state (pipe, states[g_rand_int_range (chance, 0, 4)]);
      g_usleep (g_rand_int_range (chance, 0, 20000));
      if (g_rand_boolean (chance))
        gst_element_seek_simple (pipe, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
            g_rand_int_range (chance, 0, 1000) * GST_MSECOND);
      query (pipe);
      pipes_ended (pipe, "states");
    }
    gst_element_set_state (pipe, GST_STATE_NULL);
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    gst_element_set_state (pipe, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "pipeline %u: no end",
        kind);
    gst_clear_message (&message);
    gst_element_set_state (pipe, GST_STATE_NULL);
    gst_object_unref (bus);
    gst_object_unref (pipe);
  }
  g_rand_free (chance);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  if (argc > 1)
    seconds = atoi (argv[1]);
  test_properties ();
  test_streams ();
  test_states ();
  return tc_done ("test_gst_threads");
}
