/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* output.c - writes the output of a pipeline: a whole file or none; a device or pipe as it is. */
#include "program.h"

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* A file that gets its name when it is whole. */
typedef struct
{
  const char *out;              /* as it was asked for */
  char *target;                 /* that name, where links lead */
  char *path;                   /* its name until then */
  int fd;
} Part;

static gboolean
part_fail (const Part * part, int code, GError ** error)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s cannot be written: %s",
      part->out, g_strerror (code));
  return FALSE;
}

/* Makes an empty file beside `out`, and its folders. A link stays one: the file that it names is
 * written. part_end() comes after success. */
static gboolean
part_begin (Part * part, const char *out, GError ** error)
{
  char *real = realpath (out, NULL), *folder = g_path_get_dirname (real ? real : out);

  part->out = out;
  part->target = g_strdup (real ? real : out);
  part->path = g_build_filename (folder, ".telucodec-XXXXXX", NULL);
  part->fd = g_mkdir_with_parents (folder, 0777) == 0 ? g_mkstemp_full (part->path,
      O_RDWR | O_CLOEXEC, 0666) : -1;
  if (part->fd < 0) {
    part_fail (part, errno, error);
    g_free (part->path);
    g_free (part->target);
  }
  free (real);
  g_free (folder);
  return part->fd >= 0;
}

/* Opens a device or pipe, which is written as it is. */
static gboolean
part_open (Part * part, const char *out, GError ** error)
{
  *part = (Part) { .out = out, .fd = g_open (out, O_WRONLY | O_CLOEXEC, 0) };
  return part->fd >= 0 || part_fail (part, errno, error);
}

/* Gives the file its name when ok, else removes it. */
static gboolean
part_end (Part * part, gboolean ok, GError ** error)
{
  if (close (part->fd) < 0 && ok)
    ok = part_fail (part, errno, error);
  if (ok && part->path && g_rename (part->path, part->target) < 0)
    ok = part_fail (part, errno, error);
  if (!ok && part->path)
    g_unlink (part->path);
  g_free (part->path);
  g_free (part->target);
  return ok;
}

/* Returns whether the output is a device or pipe. */
static gboolean
is_special (const char *out)
{
  GStatBuf st;

  return g_stat (out, &st) == 0 && !S_ISREG (st.st_mode);
}

gboolean
output_bytes (const char *out, const void *bytes, gsize size, GError ** error)
{
  gboolean ok;
  Part part;

  ok = is_special (out) ? part_open (&part, out, error) : part_begin (&part, out, error);
  if (!ok)
    return FALSE;
  /* Not g_file_set_contents(), for which a signal during fsync() is a failure. */
  if (disk_write (part.fd, bytes, size) < 0 || disk_sync (part.fd) < 0)
    ok = part_fail (&part, errno, error);
  return part_end (&part, ok, error);
}

gboolean
pipeline_write (GstElement * pipe, const char *last, Item * item, GPtrArray * warnings,
    GError ** error)
{
  const gboolean standard = strcmp (item->out, "-") == 0;
  GstElement *sink = gst_element_factory_make (standard ? "fdsink" : "filesink", NULL);
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), last);
  GstObject *bin = gst_object_get_parent (GST_OBJECT (e));
  const gboolean whole = !standard && !is_special (item->out);
  Part part;
  gboolean ok;

  gst_bin_add (GST_BIN (bin), sink);
  gst_element_link (e, sink);
  gst_object_unref (bin);
  gst_object_unref (e);
  if (standard) {
    g_object_set (sink, "fd", STDOUT_FILENO, "sync", FALSE, NULL);
    guard_standard_output (sink);
  } else {
    if (whole && !part_begin (&part, item->out, error))
      return FALSE;
    g_object_set (sink, "location", whole ? part.path : item->out, NULL);
  }
  ok = pipeline_run (pipe, item, warnings, error);
  return whole ? part_end (&part, ok, error) : ok;
}
