/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pipeline.c - makes pipelines, and runs them to their end. */
#include "program.h"

#include "source.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE (20 * G_USEC_PER_SEC)

GstElement *
pipeline_from_sound (const char *in, const char *text, GError ** error)
{
  GstElement *rest = gst_parse_bin_from_description_full (text, FALSE, NULL,
      GST_PARSE_FLAG_FATAL_ERRORS, error);
  GstElement *source = rest ? source_new (strcmp (in, "-") ? in : NULL, error) : NULL;
  GstElement *pipe;
  GstPad *pad;

  if (!source) {
    if (rest)
      gst_object_unref (gst_object_ref_sink (rest));
    return NULL;
  }
  pipe = gst_pipeline_new (NULL);
  pad = gst_bin_find_unlinked_pad (GST_BIN (rest), GST_PAD_SINK);
  gst_element_add_pad (rest, gst_ghost_pad_new ("sink", pad));
  gst_object_unref (pad);
  gst_object_set_name (GST_OBJECT (rest), "rest");
  gst_bin_add_many (GST_BIN (pipe), source, rest, NULL);
  gst_element_link (source, rest);
  return pipe;
}

GstElement *
pipeline_from_bytes (const char *in, const char *text, GError ** error)
{
  const char *path = strcmp (in, "-") ? in : source_standard_input ();
  GstElement *pipe, *src;
  char *all;

  if (path && g_access (path, R_OK) < 0) {
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "cannot be read: %s",
        g_strerror (errno));
    return NULL;
  }
  all = g_strdup_printf ("%s name=in ! %s", path ? "filesrc" : "fdsrc fd=0", text);
  pipe = gst_parse_launch_full (all, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (pipe && path) {
    src = gst_bin_get_by_name (GST_BIN (pipe), "in");
    g_object_set (src, "location", path, NULL);
    gst_object_unref (src);
  }
  g_free (all);
  return pipe;
}

static GstPadProbeReturn
count (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  const gsize bytes = gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
  GstCaps *caps = gst_pad_get_current_caps (pad);
  Item *item = user;

  if (caps) {
    const char *format = gst_structure_get_string (gst_caps_get_structure (caps, 0), "format");

    item->samples += bytes / (g_strcmp0 (format, "S16LE") == 0 ? 2 : 4);
    gst_caps_unref (caps);
  }
  g_atomic_int_inc (&item->heard);
  return GST_PAD_PROBE_OK;
}

void
pipeline_probe (GstElement * pipe, const char *element, const char *name,
    GstPadProbeCallback callback, gpointer user)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), element);
  GstPad *pad = gst_element_get_static_pad (e, name);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, user, NULL);
  gst_object_unref (pad);
  gst_object_unref (e);
}

void
pipeline_count (GstElement * pipe, const char *element, const char *pad, Item * item)
{
  pipeline_probe (pipe, element, pad, count, item);
}

static GstPadProbeReturn
sum (GstPad * pad, GstPadProbeInfo * info, gpointer bytes)
{
  (void) pad;
  *(gint64 *) bytes += gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

void
pipeline_sum (GstElement * pipe, const char *element, const char *pad, gint64 * bytes)
{
  pipeline_probe (pipe, element, pad, sum, bytes);
}

/* Returns the system's reason for a failed write, of which filesink and fdsink give one kind a
 * code and the others the last line of the second text. */
static char *
reason_of (const GError * error, const char *debug)
{
  const char *line = debug ? strrchr (debug, '\n') : NULL;
  const char *reason = line ? strrchr (line, ':') : NULL;

  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT))
    return g_strdup (g_strerror (ENOSPC));
  return g_strdup (reason ? reason + 2 : error->message);
}

/* Makes an error of a message. "Internal data stream error." has its reason in the second text. */
static GError *
error_of (GstMessage * msg, const Item * item)
{
  GError *error = NULL;
  char *debug = NULL;

  gst_message_parse_error (msg, &error, &debug);
  if (g_str_has_prefix (error->message, "Internal data") && debug) {
    const char *line = strrchr (debug, '\n');
    char *text = g_strdup_printf ("the sound cannot be passed on: %s", line ? line + 1 : debug);

    g_free (error->message);
    error->message = text;
  }
  if (error->domain == GST_RESOURCE_ERROR && item && item->out
      && GST_OBJECT_FLAG_IS_SET (GST_MESSAGE_SRC (msg), GST_ELEMENT_FLAG_SINK)) {
    char *reason = reason_of (error, debug);

    g_free (error->message);
    error->message = g_strdup_printf ("%s cannot be written: %s",
        strcmp (item->out, "-") ? item->out : "standard output", reason);
    g_free (reason);
  }
  if (g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND)) {
    g_free (error->message);
    error->message = g_strdup ("no kind of sound file that is known here: damaged, or no sound");
  }
  g_free (debug);
  return error;
}

/* Keeps a warning of a stream. One of the machine, that no device is there, say, comes once from
 * each pipeline and is said once. */
static void
take_warning (GstMessage * msg, GPtrArray * warnings)
{
  static GMutex lock;
  static GHashTable *said;
  GError *error = NULL;
  gboolean fresh = FALSE;

  gst_message_parse_warning (msg, &error, NULL);
  if (error->domain == GST_STREAM_ERROR) {
    if (warnings)
      g_ptr_array_add (warnings, g_strdup (error->message));
  } else {
    g_mutex_lock (&lock);
    if (!said)
      said = g_hash_table_new (g_str_hash, g_str_equal);
    if (!g_hash_table_contains (said, error->message))
      fresh = g_hash_table_add (said, g_strdup (error->message));
    g_mutex_unlock (&lock);
  }
  if (fresh)
    say ("%s", error->message);
  g_error_free (error);
}

static void
progress (GstElement * pipe, Item * item)
{
  gint64 position, duration;

  if (gst_element_query_duration (pipe, GST_FORMAT_TIME, &duration) && duration > 0
      && gst_element_query_position (pipe, GST_FORMAT_TIME, &position))
    g_atomic_int_set (&item->permille, (gint) CLAMP (position * 1000.0 / duration, 0, 1000));
}

gboolean
pipeline_run (GstElement * pipe, Item * item, GPtrArray * warnings, GError ** error)
{
  GstBus *bus = gst_element_get_bus (pipe);
  gint64 last = g_get_monotonic_time ();
  gboolean end = FALSE;
  char *missing = NULL;
  GError *failed = NULL;
  gint heard = 0;

  gst_element_set_state (pipe, GST_STATE_PLAYING);
  while (!end && !failed) {
    GstMessage *msg = gst_bus_timed_pop (bus, 100 * GST_MSECOND);

    if (setup_stopped ())
      failed = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
    if (!msg && item) {
      progress (pipe, item);
      if (heard != g_atomic_int_get (&item->heard) || strcmp (item->in, "-") == 0) {
        heard = g_atomic_int_get (&item->heard);
        last = g_get_monotonic_time ();
      } else if (!failed && g_get_monotonic_time () - last > PATIENCE) {
        failed = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
            "no sound came of it for %d seconds", (int) (PATIENCE / G_USEC_PER_SEC));
      }
    }
    if (!msg)
      continue;
    if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_EOS)
      end = TRUE;
    else if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_WARNING)
      take_warning (msg, warnings);
    else if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_ELEMENT && !missing)
      missing = source_missing (msg);
    else if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_ERROR && !failed)
      failed = error_of (msg, item);
    gst_message_unref (msg);
  }
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (bus);
  if (failed && missing) {
    g_free (failed->message);
    failed->message = g_steal_pointer (&missing);
  }
  g_free (missing);
  if (failed)
    g_propagate_error (error, failed);
  return !failed;
}
