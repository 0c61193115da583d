/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecmodel.h - finds weight files, and shares them between streams. */
#ifndef GST_TELUCODEC_MODEL_H
#define GST_TELUCODEC_MODEL_H

#include "gsttelucodec.h"

G_BEGIN_DECLS

/* Whether the plugin runs from the build tree. An installed one must not find what
 * lies in a source tree that happens to be still there. */
gboolean gst_telucodec_in_build_tree (GstElement * element);

/* One weight file in memory, shared by all streams of the process that use it. */
typedef struct _GstTelucodecModel GstTelucodecModel;

/* The model of @path, or if that is NULL of TELUCODEC_MODEL, or if that is unset
 * too the weights that came with the plugin. A path that was given is never
 * replaced by another. NULL, with an error posted for @element, if there is
 * none. */
GstTelucodecModel *gst_telucodec_model_acquire (GstElement * element,
    const gchar * path);
const struct telu_model *gst_telucodec_model_get (GstTelucodecModel * model);
void gst_telucodec_model_release (GstTelucodecModel * model);

G_END_DECLS

#endif
