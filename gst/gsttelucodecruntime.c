/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecruntime.c - see gsttelucodecruntime.h. */
#include "gsttelucodecruntime.h"

#define GST_CAT_DEFAULT gst_telucodec_debug

/* Batches grow with the load even without a window, since packets that arrive while a
 * batch runs, or one on each core of the CPU, form the next one. The limit keeps a stream
 * from waiting longer than its packets last. */
#define BATCH_WINDOW 0          /* microseconds */
#define BATCH_WINDOW_MAX 10000

GType
gst_telucodec_backend_get_type (void)
{
  static const GEnumValue values[] = {
    {GST_TELUCODEC_BACKEND_AUTO, "CUDA where available, else the CPU", "auto"},
    {GST_TELUCODEC_BACKEND_CPU, "The CPU", "cpu"},
    {GST_TELUCODEC_BACKEND_CUDA, "CUDA, or an error", "cuda"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  if (g_once_init_enter (&type)) {
    GType registered = g_enum_register_static ("GstTelucodecBackend", values);

    g_once_init_leave (&type, registered);
  }
  return type;
}

/* Returns whether this process was told that before. A machine without a device says so
 * once, not at each start of each element. */
static gboolean
told_before (const gchar * text)
{
  static GMutex lock;
  static gchar *told;
  gboolean before;

  g_mutex_lock (&lock);
  before = g_strcmp0 (told, text) == 0;
  if (!before) {
    g_free (told);
    told = g_strdup (text);
  }
  g_mutex_unlock (&lock);
  return before;
}

void
gst_telucodec_runtime_post (GstElement * element, GstMessageType type,
    GQuark domain, gint code, const gchar * format, ...)
{
  va_list args;
  gchar *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  /* gst-launch prints only the second text of an info message. */
  gst_element_message_full (element, type, domain, code, text,
      type == GST_MESSAGE_INFO ? g_strdup (text) : NULL, __FILE__, GST_FUNCTION,
      __LINE__);
}

gboolean
gst_telucodec_runtime_give_up_cuda (GstTelucodecRuntime * rt,
    GstElement * element, GstMessageType type, GQuark domain, gint code,
    const gchar * text)
{
  if (rt->required) {
    gst_telucodec_runtime_post (element, GST_MESSAGE_ERROR, domain, code,
        "%s. With backend=auto the CPU would take over.", text);
    return FALSE;
  }
  GST_INFO_OBJECT (element, "not on CUDA: %s", text);
  if (type && (type != GST_MESSAGE_INFO || !told_before (text)))
    gst_telucodec_runtime_post (element, type, domain, code,
        "%s. The CPU takes over.", text);

  GST_OBJECT_LOCK (element);
  rt->module = NULL;
  g_free (rt->fallback_reason);
  rt->fallback_reason = g_strdup (text);
  GST_OBJECT_UNLOCK (element);
  return TRUE;
}

/* Acts as gst_telucodec_runtime_give_up_cuda(), but only logs obstacles that are not
 * fatal before the start. */
static gboolean
report_missing (GstTelucodecRuntime * rt, GstElement * element, gboolean starts,
    GstMessageType type, GQuark domain, gint code, const gchar * text)
{
  if (!starts && !rt->required) {
    GST_DEBUG_OBJECT (element, "%s", text);
    return TRUE;
  }
  return gst_telucodec_runtime_give_up_cuda (rt, element, type, domain, code,
      text);
}

/* Sets rt->module when module, driver and device exist. Returns FALSE with an error
 * posted. */
static gboolean
find_cuda (GstTelucodecRuntime * rt, GstElement * element, gboolean starts)
{
  const gboolean build = gst_telucodec_in_build_tree (element);
  const GstMessageType message_type[] = {
    [TELU_THERE] = GST_MESSAGE_WARNING,
    [TELU_NO_MODULE] = GST_MESSAGE_UNKNOWN,
    [TELU_NO_DRIVER] = GST_MESSAGE_INFO,
  };
  const struct telu_module *module =
      telu_module_open (build ? TELU_MODULE_BUILD : NULL);
  gchar text[100];
  gint devices;

  if (!module)
    return report_missing (rt, element, starts,
        message_type[telu_module_absent ()], GST_LIBRARY_ERROR,
        GST_LIBRARY_ERROR_INIT, telu_error ());
  if (!module->engine)
    return report_missing (rt, element, starts, GST_MESSAGE_INFO,
        GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT,
        "The CUDA module was built without an engine: it trains, but does not "
        "encode or decode");
  devices = module->devices ();
  if (devices < 1)
    return report_missing (rt, element, starts,
        devices < 0 ? GST_MESSAGE_WARNING : GST_MESSAGE_INFO, GST_LIBRARY_ERROR,
        GST_LIBRARY_ERROR_INIT, module->error ());
  if (rt->device >= devices) {
    g_snprintf (text, sizeof (text), "There is no CUDA device %d: this machine "
        "has %d, counted from 0", rt->device, devices);
    return report_missing (rt, element, starts, GST_MESSAGE_WARNING,
        GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, text);
  }

  GST_OBJECT_LOCK (element);
  rt->module = module;
  if (module->describe (rt->device, rt->device_name,
          sizeof (rt->device_name)) < 0)
    g_strlcpy (rt->device_name, "unknown", sizeof (rt->device_name));
  GST_OBJECT_UNLOCK (element);
  return TRUE;
}

/* Copies the properties for the coming stream, and returns the backend. */
static GstTelucodecBackend
latch (GstTelucodecRuntime * rt, GstElement * element)
{
  GstTelucodecBackend wanted;

  GST_OBJECT_LOCK (element);
  wanted = rt->backend;
  rt->device = rt->cuda_device_id;
  rt->window = rt->batch_window;
  rt->required = wanted == GST_TELUCODEC_BACKEND_CUDA;
  rt->module = NULL;
  rt->device_name[0] = '\0';
  g_clear_pointer (&rt->fallback_reason, g_free);
  GST_OBJECT_UNLOCK (element);
  return wanted;
}

gboolean
gst_telucodec_runtime_probe (GstTelucodecRuntime * rt, GstElement * element)
{
  return latch (rt, element) == GST_TELUCODEC_BACKEND_CPU
      || find_cuda (rt, element, FALSE);
}

static gchar *
path_of (GstTelucodecRuntime * rt, GstElement * element)
{
  gchar *path;

  GST_OBJECT_LOCK (element);
  path = g_strdup (rt->model_path);
  GST_OBJECT_UNLOCK (element);
  return path;
}

/* Takes a model in place of the one before. */
static void
take (GstTelucodecRuntime * rt, GstElement * element, GstTelucodecModel * shared)
{
  GstTelucodecModel *old;

  GST_OBJECT_LOCK (element);
  old = rt->shared;
  rt->shared = shared;
  rt->model = shared ? gst_telucodec_model_get (shared) : NULL;
  GST_OBJECT_UNLOCK (element);
  gst_telucodec_model_release (old);
}

gboolean
gst_telucodec_runtime_open (GstTelucodecRuntime * rt, GstElement * element, gboolean later)
{
  GstTelucodecModel *shared = NULL;
  gboolean ok;
  gchar *path;

  if (latch (rt, element) != GST_TELUCODEC_BACKEND_CPU
      && !find_cuda (rt, element, TRUE))
    return FALSE;

  path = path_of (rt, element);
  ok = later && !gst_telucodec_model_has_default (element, path);
  if (!ok)
    shared = gst_telucodec_model_acquire (element, path);
  g_free (path);
  take (rt, element, shared);
  return ok || shared;
}

gboolean
gst_telucodec_runtime_is_given (GstTelucodecRuntime * rt, GstElement * element)
{
  gchar *path = path_of (rt, element);
  const gboolean given = path && *path;

  g_free (path);
  return given;
}

gboolean
gst_telucodec_runtime_follow (GstTelucodecRuntime * rt, GstElement * element, const gchar * id,
    const gchar * name)
{
  GstTelucodecModel *shared = gst_telucodec_model_find (element, id, name);

  if (shared)
    take (rt, element, shared);
  return shared != NULL;
}

void
gst_telucodec_runtime_close (GstTelucodecRuntime * rt, GstElement * element)
{
  GST_OBJECT_LOCK (element);
  rt->module = NULL;
  GST_OBJECT_UNLOCK (element);
  take (rt, element, NULL);
}

void
gst_telucodec_runtime_clear (GstTelucodecRuntime * rt)
{
  g_free (rt->model_path);
  g_free (rt->fallback_reason);
}

void
gst_telucodec_runtime_set_active (GstTelucodecRuntime * rt,
    GstElement * element, const gchar * active, const gchar * kernels)
{
  if (active)
    GST_INFO_OBJECT (element, "runs on %s, kernels %s%s%s", active, kernels,
        rt->module ? ", " : "", rt->module ? rt->device_name : "");
  GST_OBJECT_LOCK (element);
  rt->active = active;
  rt->kernels = kernels;
  GST_OBJECT_UNLOCK (element);
  g_object_notify (G_OBJECT (element), GST_TELUCODEC_PROP_ACTIVE_BACKEND);
}

void
gst_telucodec_runtime_install_properties (GObjectClass * klass, guint first)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  /**
   * GstTelucodecEnc:model-path:
   *
   * Weight file. NULL selects the file of the environment variable TELUCODEC_MODEL, or else
   * the weights that came with the plugin.
   *
   * Since: 0.1
   */
  /**
   * GstTelucodecDec:model-path:
   *
   * Weight file, which must be that of the stream. NULL: the decoder looks up the weights that the
   * stream names, in TELUCODEC_MODEL, the folders of TELUCODEC_MODEL_PATH, the user's data folder
   * (~/.local/share/telucodec), beside those that came with the plugin, and in the system's.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass,
      first + GST_TELUCODEC_RUNTIME_MODEL_PATH,
      g_param_spec_string (GST_TELUCODEC_PROP_MODEL_PATH, "Model path",
          "Weight file; NULL: that of the environment variable "
          GST_TELUCODEC_MODEL_ENV ", or else the one that came with the plugin; a decoder then "
          "takes the one that its stream names",
          NULL, flags));
  /**
   * GstTelucodecEnc:backend:
   *
   * Device that runs the network: CUDA where available (auto), the CPU, or CUDA alone.
   *
   * Since: 0.1
   */
  /**
   * GstTelucodecDec:backend:
   *
   * See #GstTelucodecEnc:backend.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, first + GST_TELUCODEC_RUNTIME_BACKEND,
      g_param_spec_enum (GST_TELUCODEC_PROP_BACKEND, "Backend",
          "Where the network runs", GST_TYPE_TELUCODEC_BACKEND,
          GST_TELUCODEC_BACKEND_AUTO, flags));
  /**
   * GstTelucodecEnc:cuda-device-id:
   *
   * Number of the CUDA device, counted from 0. The CPU ignores it.
   *
   * Since: 0.1
   */
  /**
   * GstTelucodecDec:cuda-device-id:
   *
   * See #GstTelucodecEnc:cuda-device-id.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass,
      first + GST_TELUCODEC_RUNTIME_CUDA_DEVICE_ID,
      g_param_spec_int (GST_TELUCODEC_PROP_CUDA_DEVICE_ID, "CUDA device id",
          "Number of the device that the CUDA backend uses", 0, G_MAXINT, 0,
          flags));
  /**
   * GstTelucodecEnc:batch-window:
   *
   * Microseconds that a packet waits for packets of other streams. They run as one batch, on the
   * CPU up to eight as one pass, which takes less time for each. The window adds to the latency;
   * with 0 a packet waits only for a busy device, or while all cores run passes.
   *
   * Since: 0.1
   */
  /**
   * GstTelucodecDec:batch-window:
   *
   * See #GstTelucodecEnc:batch-window.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass,
      first + GST_TELUCODEC_RUNTIME_BATCH_WINDOW,
      g_param_spec_uint (GST_TELUCODEC_PROP_BATCH_WINDOW, "Batch window",
          "Microseconds that a packet waits for those of other streams, "
          "to run as one batch with them; adds to the latency. 0: it waits only "
          "while the device or all cores are busy", 0, BATCH_WINDOW_MAX, BATCH_WINDOW, flags));
  /**
   * GstTelucodecEnc:active-backend:
   *
   * Device that runs the network now: "cpu" or "cuda", NULL while stopped. A change is notified.
   *
   * Since: 0.1
   */
  /**
   * GstTelucodecDec:active-backend:
   *
   * See #GstTelucodecEnc:active-backend.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass,
      first + GST_TELUCODEC_RUNTIME_ACTIVE_BACKEND,
      g_param_spec_string (GST_TELUCODEC_PROP_ACTIVE_BACKEND, "Active backend",
          "Where the network runs now: cpu or cuda, NULL while stopped", NULL,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  gst_type_mark_as_plugin_api (GST_TYPE_TELUCODEC_BACKEND, 0);
}

void
gst_telucodec_runtime_set_property (GstTelucodecRuntime * rt,
    GstElement * element, guint index, const GValue * value)
{
  GST_OBJECT_LOCK (element);
  switch (index) {
    case GST_TELUCODEC_RUNTIME_MODEL_PATH:
      g_free (rt->model_path);
      rt->model_path = g_value_dup_string (value);
      break;
    case GST_TELUCODEC_RUNTIME_BACKEND:
      rt->backend = g_value_get_enum (value);
      break;
    case GST_TELUCODEC_RUNTIME_CUDA_DEVICE_ID:
      rt->cuda_device_id = g_value_get_int (value);
      break;
    case GST_TELUCODEC_RUNTIME_BATCH_WINDOW:
      rt->batch_window = g_value_get_uint (value);
      break;
    default:
      g_assert_not_reached ();
  }
  GST_OBJECT_UNLOCK (element);
}

void
gst_telucodec_runtime_get_property (GstTelucodecRuntime * rt,
    GstElement * element, guint index, GValue * value)
{
  GST_OBJECT_LOCK (element);
  switch (index) {
    case GST_TELUCODEC_RUNTIME_MODEL_PATH:
      g_value_set_string (value, rt->model_path);
      break;
    case GST_TELUCODEC_RUNTIME_BACKEND:
      g_value_set_enum (value, rt->backend);
      break;
    case GST_TELUCODEC_RUNTIME_CUDA_DEVICE_ID:
      g_value_set_int (value, rt->cuda_device_id);
      break;
    case GST_TELUCODEC_RUNTIME_BATCH_WINDOW:
      g_value_set_uint (value, rt->batch_window);
      break;
    case GST_TELUCODEC_RUNTIME_ACTIVE_BACKEND:
      g_value_set_string (value, rt->active);
      break;
    default:
      g_assert_not_reached ();
  }
  GST_OBJECT_UNLOCK (element);
}
