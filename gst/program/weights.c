/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights.c - gives the codec's elements their weights. */
#include "program.h"

#include <gio/gio.h>

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
