/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights.c - keeps the codec's weights loaded. */
#include "program.h"

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
