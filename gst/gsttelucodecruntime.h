/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecruntime.h - the properties that encoder and decoder share (model and
 * backend), and the model and CUDA module that they select.
 *
 * Any obstacle to CUDA makes backend=auto use the CPU; log and statistics keep the reason.
 * A missing module posts no message, since most machines have none. A module without a
 * driver or device posts an info message. A broken module and a device that does not
 * exist post a warning. With backend=cuda each of these is an error. */
#ifndef GST_TELUCODEC_RUNTIME_H
#define GST_TELUCODEC_RUNTIME_H

#include "gsttelucodecmodel.h"
#include "module.h"

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

/* The object lock guards the properties and the fields that get_property reads. */
typedef struct
{
  gchar *model_path;
  GstTelucodecBackend backend;
  gint cuda_device_id;
  guint batch_window;           /* microseconds */

  /* Valid from open to close. */
  GstTelucodecModel *shared;
  const struct telu_model *model;
  const struct telu_module *module;     /* NULL: the CPU */
  gboolean required;            /* backend=cuda: the CPU must not take over */
  gint device;
  guint window;
  gchar device_name[128];
  const gchar *active, *kernels;        /* NULL: no stream; "cpu" or "cuda" */
  gchar *fallback_reason;       /* why auto runs on the CPU; NULL: it does not */
} GstTelucodecRuntime;

/* Ids of the properties, relative to `first` of install_properties(). */
enum
{
  GST_TELUCODEC_RUNTIME_MODEL_PATH,
  GST_TELUCODEC_RUNTIME_BACKEND,
  GST_TELUCODEC_RUNTIME_CUDA_DEVICE_ID,
  GST_TELUCODEC_RUNTIME_BATCH_WINDOW,
  GST_TELUCODEC_RUNTIME_ACTIVE_BACKEND,
  GST_TELUCODEC_RUNTIME_PROPERTIES
};

void gst_telucodec_runtime_install_properties (GObjectClass * klass,
    guint first);
void gst_telucodec_runtime_set_property (GstTelucodecRuntime * rt,
    GstElement * element, guint index, const GValue * value);
void gst_telucodec_runtime_get_property (GstTelucodecRuntime * rt,
    GstElement * element, guint index, GValue * value);

/* Opens the module in NULL -> READY, since that can be slow. Returns FALSE with an error
 * posted for @element when backend=cuda is impossible. */
gboolean gst_telucodec_runtime_probe (GstTelucodecRuntime * rt,
    GstElement * element);

/* Chooses the backend and loads the model. With @later, where no weights are set and none came with
 * the plugin, rt->model stays NULL until gst_telucodec_runtime_follow(). Returns FALSE with an
 * error posted for @element. */
gboolean gst_telucodec_runtime_open (GstTelucodecRuntime * rt,
    GstElement * element, gboolean later);

/* Returns whether the property model-path is set. */
gboolean gst_telucodec_runtime_is_given (GstTelucodecRuntime * rt,
    GstElement * element);

/* Replaces the model by the weights of this id; @name is for the message. The stream must be
 * closed. Returns FALSE with an error posted for @element, and leaves the model as it was. */
gboolean gst_telucodec_runtime_follow (GstTelucodecRuntime * rt,
    GstElement * element, const gchar * id, const gchar * name);
void gst_telucodec_runtime_close (GstTelucodecRuntime * rt,
    GstElement * element);

/* Frees the properties, in finalize. */
void gst_telucodec_runtime_clear (GstTelucodecRuntime * rt);

/* Gives CUDA up for the reason @text. If the CPU may take over, posts a message of @type
 * (GST_MESSAGE_UNKNOWN: only logs) and returns TRUE. Otherwise posts an error of @domain
 * and @code and returns FALSE. */
gboolean gst_telucodec_runtime_give_up_cuda (GstTelucodecRuntime * rt,
    GstElement * element, GstMessageType type, GQuark domain, gint code,
    const gchar * text);

/* Announces where the network runs from now on; NULL: nowhere. */
void gst_telucodec_runtime_set_active (GstTelucodecRuntime * rt,
    GstElement * element, const gchar * active, const gchar * kernels);

/* Posts a message of @type with the formatted text. */
void gst_telucodec_runtime_post (GstElement * element, GstMessageType type,
    GQuark domain, gint code, const gchar * format, ...) G_GNUC_PRINTF (5, 6);

G_END_DECLS

#endif
