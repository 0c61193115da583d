/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecmodel.h - finds weight files and shares models between streams. */
#ifndef GST_TELUCODEC_MODEL_H
#define GST_TELUCODEC_MODEL_H

#include "gsttelucodec.h"

G_BEGIN_DECLS

/* Returns whether the plugin runs from the build tree. An installed plugin must not use
 * files of a source tree that still exists. */
gboolean gst_telucodec_in_build_tree (GstElement * element);

/* One weight file in memory, shared by all streams of the process that use it. */
typedef struct _GstTelucodecModel GstTelucodecModel;

/* Returns the model of @path; or, if @path is NULL, of TELUCODEC_MODEL; or, if that is
 * unset, of the plugin's own weights. A given path that fails is not replaced. The caller
 * releases the model. Returns NULL with an error posted for @element. */
GstTelucodecModel *gst_telucodec_model_acquire (GstElement * element,
    const gchar * path);
/* Returns whether the acquire above would have a file to load: FALSE where no path is given, the
 * variable is unset, and no weights came with the plugin. */
gboolean gst_telucodec_model_has_default (GstElement * element,
    const gchar * path);

/* Returns the model of this id, looked up as finder.h tells. @name: the name that the stream has
 * for it, or NULL. The caller releases the model. Returns NULL with an error posted for
 * @element. */
GstTelucodecModel *gst_telucodec_model_find (GstElement * element,
    const gchar * id, const gchar * name);
/* Posts the error that a stream of the weights @id got others, @given, by model-path. */
void gst_telucodec_model_refuse (GstElement * element, const gchar * id,
    const struct telu_model *given);
/* Returns the name of the file without its extension; NULL for weights of the shipped name. */
const gchar *gst_telucodec_model_name (GstTelucodecModel * model);
const struct telu_model *gst_telucodec_model_get (GstTelucodecModel * model);
void gst_telucodec_model_release (GstTelucodecModel * model);

G_END_DECLS

#endif
