/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pipeline.c - runs a pipeline to its end, and its output to a whole file or none. */
#include "program.h"

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
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
  if (!pipeline_use_weights (pipe, in, error))
    g_clear_object (&pipe);
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

static void
give_weights (GstBin * pipe, GstBin * bin, GstElement * element, gpointer path)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  (void) pipe;
  (void) bin;
  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "telucodecdec"))
    g_object_set (element, "model-path", path, NULL);
}

gboolean
pipeline_use_weights (GstElement * pipe, const char *in, GError ** error)
{
  char *id = models_id_of (in), *places;
  const Model *m = id ? models_by_id (id) : NULL;
  GstElement *dec;

  if (id && !m) {
    places = models_places ();
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "its weights %s are not installed: "
        "looked in %s; telucodec models add FILE installs them", id, places);
    g_free (places);
  } else if (m) {
    /* decodebin adds its decoder later. */
    g_signal_connect_data (pipe, "deep-element-added", G_CALLBACK (give_weights),
        g_strdup (m->path), (GClosureNotify) (GCallback) g_free, 0);
    dec = gst_bin_get_by_name (GST_BIN (pipe), "dec");
    if (dec)
      g_object_set (dec, "model-path", m->path, NULL);
    g_clear_object (&dec);
  }
  g_free (id);
  return !id || m;
}

GstElement *
pipeline_hold (const char *element, const char *path, const char *backend)
{
  GstElement *e = gst_element_factory_make (element, NULL);

  if (e) {
    g_object_set (e, "model-path", path, NULL);
    if (backend)
      gst_util_set_object_arg (G_OBJECT (e), "backend", backend);
    gst_element_set_state (e, GST_STATE_PAUSED);
  }
  return e;
}

void
pipeline_let_go (GstElement * e)
{
  if (e) {
    gst_element_set_state (e, GST_STATE_NULL);
    gst_object_unref (e);
  }
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
pipeline_count (GstElement * pipe, const char *element, const char *name, Item * item)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), element);
  GstPad *pad = gst_element_get_static_pad (e, name);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count, item, NULL);
  gst_object_unref (pad);
  gst_object_unref (e);
}

static GstPadProbeReturn
sum (GstPad * pad, GstPadProbeInfo * info, gpointer bytes)
{
  (void) pad;
  *(gint64 *) bytes += gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

void
pipeline_sum (GstPad * pad, gint64 * bytes)
{
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, sum, bytes, NULL);
}

/* Makes an error of a message. "Internal data stream error." has its reason in the second text. */
static GError *
error_of (GstMessage * msg)
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
      failed = error_of (msg);
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

/* Answers that the output cannot be seeked. */
static GstPadProbeReturn
never_seek (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);

  (void) pad;
  (void) user;
  if (GST_QUERY_TYPE (query) != GST_QUERY_SEEKING)
    return GST_PAD_PROBE_OK;
  gst_query_set_seeking (query, GST_FORMAT_BYTES, FALSE, 0, -1);
  return GST_PAD_PROBE_HANDLED;
}

/* Ends the output where a muxer would go back to its header: wavenc does not ask before. */
static GstPadProbeReturn
never_go_back (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  enum { NOTHING, BYTES, WENT_BACK };
  int *state = user;

  (void) pad;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    *state = MAX (*state, BYTES);
  } else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_SEGMENT) {
    *state = *state == NOTHING ? NOTHING : WENT_BACK;
  } else {
    return GST_PAD_PROBE_OK;
  }
  return *state == WENT_BACK ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* A header is written again only where standard output is a file of this program's own. */
static void
guard_standard_output (GstElement * sink)
{
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  if (lseek (STDOUT_FILENO, 0, SEEK_CUR) != 0 || fcntl (STDOUT_FILENO, F_GETFL) & O_APPEND) {
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, never_seek, NULL, NULL);
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER,
        never_go_back, g_new0 (int, 1), g_free);
  }
  gst_object_unref (pad);
}

/* Makes an empty file beside `out`, and its folders. Returns its name, or NULL and error. */
static char *
temporary (const char *out, GError ** error)
{
  char *folder = g_path_get_dirname (out);
  char *path = g_build_filename (folder, ".telucodec-XXXXXX", NULL);
  int fd = g_mkdir_with_parents (folder, 0777) == 0 ? g_mkstemp_full (path,
      O_RDWR | O_CLOEXEC, 0666) : -1;

  if (fd < 0) {
    const int code = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s cannot be written: %s", out,
        g_strerror (code));
    g_clear_pointer (&path, g_free);
  } else {
    close (fd);
  }
  g_free (folder);
  return path;
}

/* Returns whether the output is a device or pipe, which is written as it is. */
static gboolean
is_special (const char *out)
{
  GStatBuf st;

  return g_stat (out, &st) == 0 && !S_ISREG (st.st_mode);
}

gboolean
pipeline_write (GstElement * pipe, const char *last, Item * item, GPtrArray * warnings,
    GError ** error)
{
  const gboolean standard = strcmp (item->out, "-") == 0;
  GstElement *sink = gst_element_factory_make (standard ? "fdsink" : "filesink", NULL);
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), last);
  GstObject *bin = gst_object_get_parent (GST_OBJECT (e));
  char *target = NULL, *path = NULL;
  gboolean ok;

  gst_bin_add (GST_BIN (bin), sink);
  gst_element_link (e, sink);
  gst_object_unref (bin);
  gst_object_unref (e);
  if (standard) {
    g_object_set (sink, "fd", STDOUT_FILENO, "sync", FALSE, NULL);
    guard_standard_output (sink);
  } else if (is_special (item->out)) {
    g_object_set (sink, "location", item->out, NULL);
  } else {
    /* A link stays one: the file that it names is written. */
    target = realpath (item->out, NULL);
    if (!(path = temporary (target ? target : item->out, error))) {
      free (target);
      return FALSE;
    }
    g_object_set (sink, "location", path, NULL);
  }
  ok = pipeline_run (pipe, item, warnings, error);
  if (path && ok && g_rename (path, target ? target : item->out) < 0) {
    const int code = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s cannot be written: %s",
        item->out, g_strerror (code));
    ok = FALSE;
  }
  if (path && !ok)
    g_unlink (path);
  free (target);
  g_free (path);
  return ok;
}
