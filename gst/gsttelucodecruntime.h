/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecruntime.h - what encoder and decoder have in common: the properties that
 * say what to run where, and what becomes of them.
 *
 * With backend=auto whatever stands in the way of CUDA is a reason to take the CPU; it
 * stands in the log and in the statistics. No module is how most machines are, and
 * nothing that an application is told; a machine without a driver or device that has
 * the module is worth an info message, and what is broken or does not exist although
 * it was asked for a warning. With backend=cuda each is an error. */
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

/* Guarded by the object lock where the streaming thread is not the only one that
 * reads: the properties, and what get_property shows. */
typedef struct
{
  gchar *model_path;
  GstTelucodecBackend backend;
  gint cuda_device_id;
  guint batch_window;           /* microseconds */

  /* From open to close. */
  GstTelucodecModel *shared;
  const struct telu_model *model;
  const struct telu_module *module;     /* NULL: the CPU */
  gboolean required;            /* no other than CUDA will do */
  gint device;
  guint window;
  gchar device_name[128];
  const gchar *active, *kernels;        /* NULL: no stream; "cpu" or "cuda" */
  gchar *why;                   /* the CPU although CUDA would do, or NULL */
} GstTelucodecRuntime;

/* Ids of the properties, counted from the first one that is given below. */
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

/* In NULL -> READY: opens the module, which may take its time. FALSE with an error
 * posted for @element when backend=cuda cannot be. */
gboolean gst_telucodec_runtime_probe (GstTelucodecRuntime * rt,
    GstElement * element);

/* FALSE with an error posted for @element. */
gboolean gst_telucodec_runtime_open (GstTelucodecRuntime * rt,
    GstElement * element);
void gst_telucodec_runtime_close (GstTelucodecRuntime * rt,
    GstElement * element);

/* In finalize. */
void gst_telucodec_runtime_clear (GstTelucodecRuntime * rt);

/* CUDA cannot be, or cannot go on, for the reason @text. If the CPU may take over, the
 * application is told so by a message of @type (GST_MESSAGE_UNKNOWN: only the log is),
 * and this is TRUE; else by an error of @domain and @code. */
gboolean gst_telucodec_runtime_without (GstTelucodecRuntime * rt,
    GstElement * element, GstMessageType type, GQuark domain, gint code,
    const gchar * text);

/* Where the network runs from now on; NULL: nowhere. */
void gst_telucodec_runtime_set_active (GstTelucodecRuntime * rt,
    GstElement * element, const gchar * active, const gchar * kernels);

void gst_telucodec_runtime_post (GstElement * element, GstMessageType type,
    GQuark domain, gint code, const gchar * format, ...) G_GNUC_PRINTF (5, 6);

G_END_DECLS

#endif
