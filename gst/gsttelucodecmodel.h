/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecmodel.h - finds weight files, shares them between streams, and
 * chooses where they run. */
#ifndef GST_TELUCODEC_MODEL_H
#define GST_TELUCODEC_MODEL_H

#include "backend.h"
#include "gsttelucodec.h"

G_BEGIN_DECLS

/**
 * GstTelucodecBackend:
 * @GST_TELUCODEC_BACKEND_AUTO: CUDA where it is available, else the CPU
 * @GST_TELUCODEC_BACKEND_CPU: the CPU
 * @GST_TELUCODEC_BACKEND_CUDA: CUDA, or an error where it is not available
 *
 * Where the network runs.
 */
typedef enum
{
  GST_TELUCODEC_BACKEND_AUTO,
  GST_TELUCODEC_BACKEND_CPU,
  GST_TELUCODEC_BACKEND_CUDA
} GstTelucodecBackend;

#define GST_TYPE_TELUCODEC_BACKEND (gst_telucodec_backend_get_type ())
GType gst_telucodec_backend_get_type (void);

/* One weight file in memory, shared by all streams of the process that use it. */
typedef struct _GstTelucodecModel GstTelucodecModel;

/* The model of @path, or if that is NULL of TELUCODEC_MODEL, or if that is unset
 * too the weights that came with the plugin. A path that was given is never
 * replaced by another. NULL, with an error posted for @element, if there is
 * none. */
GstTelucodecModel *gst_telucodec_model_acquire (GstElement * element,
    const gchar * path);
void gst_telucodec_model_release (GstTelucodecModel * model);

/* The table to make streams with; NULL with an error posted for @element. The one
 * place that knows which backends there are. */
const struct telu_backend *gst_telucodec_backend_open (GstElement * element,
    GstTelucodecBackend wanted, gint cuda_device_id);

/* What encoder and decoder have in common: the properties that say what to run
 * where, and what became of them. Properties are guarded by the object lock;
 * model and table live from open to close. */
typedef struct
{
  gchar *model_path;
  GstTelucodecBackend backend;
  gint cuda_device_id;

  GstTelucodecModel *shared;
  const struct telu_model *model;
  const struct telu_backend *table;
} GstTelucodecRuntime;

/* Ids of the properties, counted from the first one that is given below. */
enum
{
  GST_TELUCODEC_RUNTIME_MODEL_PATH,
  GST_TELUCODEC_RUNTIME_BACKEND,
  GST_TELUCODEC_RUNTIME_CUDA_DEVICE_ID,
  GST_TELUCODEC_RUNTIME_ACTIVE_BACKEND,
  GST_TELUCODEC_RUNTIME_PROPERTIES
};

void gst_telucodec_runtime_install_properties (GObjectClass * klass,
    guint first);
void gst_telucodec_runtime_set_property (GstTelucodecRuntime * rt,
    GstElement * element, guint index, const GValue * value);
void gst_telucodec_runtime_get_property (GstTelucodecRuntime * rt,
    GstElement * element, guint index, GValue * value);

/* FALSE with an error posted for @element. */
gboolean gst_telucodec_runtime_open (GstTelucodecRuntime * rt,
    GstElement * element);
void gst_telucodec_runtime_close (GstTelucodecRuntime * rt,
    GstElement * element);

/* "cpu" or "cuda", or NULL while closed: the active-backend property. */
const gchar *gst_telucodec_runtime_name (const GstTelucodecRuntime * rt);

G_END_DECLS

#endif
