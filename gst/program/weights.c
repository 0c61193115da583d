/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights.c - keeps the codec's weights loaded. */
#include "program.h"

/* Microseconds that a packet waits for those of other files: longer than they take to arrive, but
 * for a file that cannot be read as fast. */
#define WINDOW 10000

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

gboolean
pipeline_shares (GstElement * held)
{
  char *active = NULL;
  gboolean shares;

  if (held)
    g_object_get (held, "active-backend", &active, NULL);
  shares = g_strcmp0 (active, "cpu") == 0;
  g_free (active);
  return shares;
}

void
pipeline_share (GstElement * pipe, const char *element)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), element);

  g_object_set (e, "batch-window", WINDOW, NULL);
  gst_object_unref (e);
}

void
pipeline_let_go (GstElement * e)
{
  if (e) {
    gst_element_set_state (e, GST_STATE_NULL);
    gst_object_unref (e);
  }
}
