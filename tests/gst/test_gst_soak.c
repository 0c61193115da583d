/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_soak.c SECONDS STREAMS HOURS - memory does not grow: of so many streams that start and
 * stop at random for so long, and of a file of so many hours that is written and played. The
 * suite runs it short; 600 200 10 is the whole. */
#include "gst_pipes.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MB (1024.0 * 1024.0)

/* Memory that a test may keep: threads' arenas, the registry's types. */
#define ROOM 4.0
/* Per hour of a file: the base class keeps each page's place, for seeks. */
#define ROOM_PER_HOUR 0.5

/* Returns the megabytes that the process holds, without what malloc() only keeps. */
static gdouble
resident (void)
{
  FILE *file;
  long pages = 0;

  malloc_trim (0);
  file = fopen ("/proc/self/statm", "r");
  if (!file || fscanf (file, "%*d %ld", &pages) != 1) {
    printf ("/proc/self/statm cannot be read\n");
    exit (1);
  }
  fclose (file);
  return pages * sysconf (_SC_PAGESIZE) / MB;
}

static void
stop (GstElement ** pipe)
{
  if (!*pipe)
    return;
  pipes_ended (*pipe, "a stream");
  gst_element_set_state (*pipe, GST_STATE_NULL);
  gst_object_unref (*pipe);
  *pipe = NULL;
}

/* Starts and stops streams for some seconds, then stops all. Returns how many were started. */
static guint
churn (GstElement ** pipes, guint streams, gdouble seconds, GRand * chance)
{
  const gint64 end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  guint started = 0;

  while (g_get_monotonic_time () < end) {
    GstElement **pipe = &pipes[g_rand_int_range (chance, 0, streams)];

    if (*pipe) {
      stop (pipe);
    } else {
      *pipe = pipes_open (g_rand_int (chance), g_rand_int_range (chance, 1, 2000));
      gst_element_set_state (*pipe, GST_STATE_PLAYING);
      started++;
    }
  }
  for (guint i = 0; i < streams; i++)
    stop (&pipes[i]);
  return started;
}

static void
soak_streams (gdouble seconds, guint streams)
{
  GstElement **pipes = g_new0 (GstElement *, streams);
  GRand *chance = g_rand_new_with_seed (5);
  guint started = churn (pipes, streams, seconds / 3, chance);
  const gdouble before = resident ();
  gdouble after;

  started += churn (pipes, streams, seconds * 2 / 3, chance);
  after = resident ();
  printf ("%u streams, %u starts: %.1f MB after a third of the time, %.1f MB at the end\n",
      streams, started, before, after);
  CHECK (started >= streams, "%u starts", started);
  CHECK (after <= before + ROOM, "%.1f MB became %.1f", before, after);
  g_rand_free (chance);
  g_free (pipes);
}

/* Runs a pipeline of some hours. Returns by how much memory grew after its first tenth. */
static gdouble
soak_hours (const gchar * what, GstElement * pipe, gdouble hours)
{
  GstBus *bus = gst_element_get_bus (pipe);
  gdouble before = 0.0, most = 0.0;
  gint64 position = 0;
  gboolean end = FALSE;

  gst_element_set_state (pipe, GST_STATE_PLAYING);
  while (!end) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, 200 * GST_MSECOND,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);

    gst_element_query_position (pipe, GST_FORMAT_TIME, &position);
    if (before == 0.0 && position > hours * 360 * GST_SECOND)
      before = resident ();
    if (before > 0.0)
      most = MAX (most, resident ());
    if (message) {
      end = TRUE;
      CHECK (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s: an error", what);
      gst_message_unref (message);
    }
  }
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipe);
  printf ("%s, %.1f hours: %.1f MB after a tenth, at most %.1f MB later\n", what, hours, before,
      most);
  CHECK (before > 0.0 && position > hours * 3590 * GST_SECOND, "%s: it ends at %.2f h", what,
      position / 3600e9);
  CHECK (most <= before + ROOM + ROOM_PER_HOUR * hours, "%s: %.1f MB became %.1f", what, before,
      most);
  return most - before;
}

static void
soak_file (gdouble hours)
{
  gchar *path = tc_path ("hours.tlc");
  gchar *write = g_strdup_printf ("audiotestsrc wave=ticks samplesperbuffer=3200 "
      "num-buffers=%d ! audio/x-raw,format=F32LE,rate=16000,channels=1 ! "
      "telucodecenc bitrate=4000 ! telucodecmux ! filesink location=%s",
      (gint) (hours * 3600 * 5), path);
  gchar *play = g_strdup_printf ("filesrc location=%s ! telucodecparse ! telucodecdec ! "
      "fakesink sync=false", path);

  soak_hours ("writing", gst_parse_launch (write, NULL), hours);
  soak_hours ("playing", gst_parse_launch (play, NULL), hours);
  g_free (write);
  g_free (play);
  g_free (path);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  if (argc != 4) {
    printf ("usage: test_gst_soak SECONDS STREAMS HOURS\n");
    return 1;
  }
  soak_file (g_ascii_strtod (argv[3], NULL));
  soak_streams (g_ascii_strtod (argv[1], NULL), atoi (argv[2]));
  return tc_done ("test_gst_soak");
}
