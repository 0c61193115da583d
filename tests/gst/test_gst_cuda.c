/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_cuda.c - checks how the property backend finds a device, and each obstacle: it is
 * an error of its own kind with backend=cuda; with backend=auto the CPU takes over, with a
 * message of the fitting severity. */
#include "gst_fake.h"

#include <glib/gstdio.h>
#include <string.h>

static const gchar *const names[] = { "telucodecenc", "telucodecdec" };

/* Checks the message type with backend=auto; GST_MESSAGE_UNKNOWN: none. GST_MESSAGE_INFO is told
 * at the first start of the process, and not again. */
static void
expect_auto (const gchar * name, const gchar * properties,
    GstMessageType type, GQuark domain, gint code, const gchar * word)
{
  gchar *all = g_strdup_printf ("backend=auto%s%s", properties ? " " : "",
      properties ? properties : "");
  GstBus *bus;
  GstElement *element = tf_element (name, all, &bus);
  gchar *reason;

  for (gint round = 0; round < 2; round++) {
    CHECK (gst_element_set_state (element, GST_STATE_PLAYING) ==
        GST_STATE_CHANGE_SUCCESS, "%s: does not start without '%s'", name, word);
    tf_expect_active (element, "cpu", word);
    reason = tf_text (element, "fallback-reason");
    CHECK (reason && strstr (reason, word), "%s: the reason is '%s', expected "
        "'%s'", name, reason, word);
    g_free (reason);
    tf_expect_message (bus, type, domain, code, word, word);
    if (type == GST_MESSAGE_INFO)
      type = GST_MESSAGE_UNKNOWN;
    gst_element_set_state (element, GST_STATE_NULL);
    tf_expect_active (element, NULL, "stopped");
  }
  tf_free (element, bus);
  g_free (all);
}

static void
expect_cuda (const gchar * name, const gchar * properties, GstState state,
    GQuark domain, gint code, const gchar * word)
{
  gchar *all = g_strdup_printf ("backend=cuda%s%s", properties ? " " : "",
      properties ? properties : "");
  GstBus *bus;
  GstElement *element = tf_element (name, all, &bus);

  CHECK (gst_element_set_state (element, state) == GST_STATE_CHANGE_FAILURE,
      "%s: %s without '%s'", name, all, word);
  tc_expect_error (bus, name, domain, code, word);
  tf_expect_active (element, NULL, word);
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);

  /* The element is usable nevertheless. */
  gst_element_set_state (element, GST_STATE_NULL);
  gst_util_set_object_arg (G_OBJECT (element), "backend", "cpu");
  CHECK (gst_element_set_state (element, GST_STATE_PLAYING) ==
      GST_STATE_CHANGE_SUCCESS, "%s: does not recover from '%s'", name, word);
  tf_expect_active (element, "cpu", word);
  tf_expect_message (bus, GST_MESSAGE_UNKNOWN, 0, 0, NULL, word);
  tf_free (element, bus);
  g_free (all);
}

/* Checks both elements; properties: NULL or a list; type: as in expect_auto(). */
static void
expect (const gchar * properties, GstMessageType type, GstState state,
    GQuark domain, gint code, const gchar * word)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    expect_auto (names[i], properties, i > 0 && type == GST_MESSAGE_INFO ?
        GST_MESSAGE_UNKNOWN : type, domain, code, word);
    expect_cuda (names[i], properties, state, domain, code, word);
  }
}

/* --- The module ------------------------------------------------------------- */

/* Copies this file into the folder as the module; file NULL: these bytes, or none. */
static void
set_module (const gchar * folder, const gchar * file, const gchar * bytes)
{
  gchar *module = g_build_filename (folder, TELU_MODULE_FILE, NULL);
  gchar *data = NULL;
  gsize size = 0;

  g_unlink (module);
  if (file)
    CHECK (g_file_get_contents (file, &data, &size, NULL), "no %s", file);
  if (file || bytes)
    g_file_set_contents (module, file ? data : bytes, file ? (gssize) size : -1,
        NULL);
  g_free (data);
  g_free (module);
}

/* Copies the first `part` eighths of that file. */
static void
cut_module (const gchar * folder, const gchar * file, gint eighths)
{
  gchar *module = g_build_filename (folder, TELU_MODULE_FILE, NULL);
  gchar *data = NULL;
  gsize size = 0;

  CHECK (g_file_get_contents (file, &data, &size, NULL), "no %s", file);
  g_unlink (module);
  g_file_set_contents (module, data, size * eighths / 8, NULL);
  g_free (data);
  g_free (module);
}

static void
test_modules (const gchar * fixtures)
{
  gchar *folder = g_dir_make_tmp ("telucodec-XXXXXX", NULL);
  gchar *nowhere = g_build_filename (folder, "nowhere", NULL);
  gchar *abi = g_build_filename (fixtures, "libfake-abi.so", NULL);
  gchar *build = g_build_filename (fixtures, "libfake-build.so", NULL);
  gchar *newer_abi = g_build_filename (fixtures, "libfake-newer-abi.so", NULL);
  gchar *missing_library =
      g_build_filename (fixtures, "libfake-missing-library.so", NULL);
  gchar *dependency = g_build_filename (fixtures, "libfake-dependency.so", NULL);

  g_setenv ("TELUCODEC_BACKEND_PATH", nowhere, TRUE);
  expect (NULL, GST_MESSAGE_UNKNOWN, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, nowhere);
  g_setenv ("TELUCODEC_BACKEND_PATH", folder, TRUE);
  expect (NULL, GST_MESSAGE_UNKNOWN, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "TELUCODEC_BACKEND_PATH");

  set_module (folder, abi, NULL);
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "ABI 99, expected " G_STRINGIFY (TELU_MODULE_ABI));
  set_module (folder, newer_abi, NULL);
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "does not speak ABI " G_STRINGIFY (TELU_MODULE_ABI));
  set_module (folder, build, NULL);
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "its models take 99 bytes");
  set_module (folder, NULL, "this is no library");
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "cannot be opened");
  set_module (folder, NULL, "");
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "cannot be opened");
  /* The library is missing, as cuBLAS may be. */
  set_module (folder, missing_library, NULL);
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "libnowhere.so.1: cannot open shared object file: No "
      "such file or directory; install that library, or name its folder in "
      "LD_LIBRARY_PATH");
  /* The loader would read behind the end of a cut file. */
  for (gint part = 1; part < 8; part++) {
    cut_module (folder, missing_library, part);
    expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
        GST_LIBRARY_ERROR_INIT, "is cut off");
  }
  set_module (folder, dependency, NULL);
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "telu_module_get");

  set_module (folder, NULL, NULL);
  g_rmdir (folder);
  g_setenv ("TELUCODEC_BACKEND_PATH", fixtures, TRUE);
  g_free (dependency);
  g_free (missing_library);
  g_free (newer_abi);
  g_free (build);
  g_free (abi);
  g_free (nowhere);
  g_free (folder);
}

/* --- Driver, device, memory -------------------------------------------------- */

static void
test_devices (struct fake_control *fake)
{
  fake->devices = 0;
  expect (NULL, GST_MESSAGE_INFO, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "no CUDA driver");
  fake->devices = -1;
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_READY, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "cannot be listed");
  fake->devices = 2;
  expect ("cuda-device-id=2", GST_MESSAGE_WARNING, GST_STATE_READY,
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "no CUDA device 2");
  expect ("cuda-device-id=2147483647", GST_MESSAGE_WARNING, GST_STATE_READY,
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "device 2147483647");
  CHECK (fake->opened == 0, "%d engines were opened without a device",
      fake->opened);

  fake->refuse_open = 1;
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_PAUSED, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "cannot start on the CUDA device 0 (fake "
      "device 0): fake: out of memory for the weights");
  fake->refuse_open = 2;
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_PAUSED, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_INIT, "(fake device 0): fake: the device has no "
      "double unit");
  fake->refuse_open = 0;
  fake->slots_left = 0;
  expect (NULL, GST_MESSAGE_WARNING, GST_STATE_PAUSED, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "(fake device 0): fake: out of memory "
      "for a stream");
  tf_check_closed ("refused");
  fake_reset (fake);
}

/* Checks a change of the property in READY, after the search for the module, and the error
 * of bad weights. */
static void
test_ready (struct fake_control *fake)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstBus *bus;
    GstElement *element = tf_element (names[i], "backend=cpu", &bus);
    gchar *device;

    gst_element_set_state (element, GST_STATE_READY);
    tf_expect_active (element, NULL, "ready");
    gst_util_set_object_arg (G_OBJECT (element), "backend", "cuda");
    gst_util_set_object_arg (G_OBJECT (element), "cuda-device-id", "1");
    CHECK (gst_element_set_state (element, GST_STATE_PAUSED) ==
        GST_STATE_CHANGE_FAILURE, "%s: starts on device 1 of 1", names[i]);
    tc_expect_error (bus, names[i], GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NOT_FOUND, "no CUDA device 1: this machine has 1, "
        "counted from 0. With backend=auto the CPU");
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);

    gst_util_set_object_arg (G_OBJECT (element), "cuda-device-id", "0");
    CHECK (gst_element_set_state (element, GST_STATE_PLAYING) ==
        GST_STATE_CHANGE_SUCCESS, "%s: does not start on a device", names[i]);
    tf_expect_active (element, "cuda", names[i]);
    device = tf_text (element, "device");
    CHECK (!g_strcmp0 (device, "fake device 0"), "%s: device '%s'", names[i],
        device);
    tf_expect_message (bus, GST_MESSAGE_UNKNOWN, 0, 0, NULL, names[i]);
    g_free (device);

    gst_element_set_state (element, GST_STATE_READY);
    g_object_set (element, "model-path", "/nowhere.safetensors", NULL);
    CHECK (gst_element_set_state (element, GST_STATE_PAUSED) ==
        GST_STATE_CHANGE_FAILURE, "%s: starts without weights", names[i]);
    tc_expect_error (bus, names[i], GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NOT_FOUND, "/nowhere.safetensors");
    tf_free (element, bus);
  }
  tf_check_closed ("ready");
  fake_reset (fake);
}

/* --- Latency ------------------------------------------------------------------ */

static void
check_latency (const gchar * name, const gchar * properties,
    GstClockTime expected)
{
  GstBus *bus;
  GstHarness *h = tf_harness (name, properties, &bus);
  GstClockTime latency = gst_harness_query_latency (h);

  CHECK (latency == expected, "%s %s: latency %" GST_TIME_FORMAT ", expected %"
      GST_TIME_FORMAT, name, properties, GST_TIME_ARGS (latency),
      GST_TIME_ARGS (expected));
  tf_done (h, bus);
}

static void
test_latency (struct fake_control *fake)
{
  const GstClockTime ms = GST_MSECOND;

  check_latency (names[0], "backend=cpu batch-window=3000", 28 * ms);
  check_latency (names[0], "backend=cpu", 25 * ms);
  check_latency (names[0], "backend=auto", 25 * ms);
  check_latency (names[0], "backend=auto batch-window=3000", 28 * ms);
  check_latency (names[0], "backend=cuda batch-window=10000", 35 * ms);
  check_latency (names[1], "backend=cpu batch-window=3000", 3 * ms);
  check_latency (names[1], "backend=cpu", 0);
  check_latency (names[1], "backend=cuda", 0);
  check_latency (names[1], "backend=cuda batch-window=3000", 3 * ms);
  /* On the CPU packets wait as well. */
  fake->devices = 0;
  check_latency (names[0], "backend=auto batch-window=3000", 28 * ms);
  check_latency (names[1], "backend=auto batch-window=3000", 3 * ms);
  tf_check_closed ("latency");
  fake_reset (fake);
}

/* --- A great many --------------------------------------------------------------- */

static guint
entries (const gchar * folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  if (dir)
    g_dir_close (dir);
  return n;
}

static void
test_thousand (struct fake_control *fake)
{
  const guint files = entries ("/proc/self/fd");
  const guint threads = entries ("/proc/self/task");
  GstElement *element[200];
  GstBus *bus[200];

  for (gint i = 0; i < 800; i++) {
    GstElement *one = tf_element (names[i & 1], "backend=cuda", &bus[0]);

    if (!CHECK (gst_element_set_state (one, GST_STATE_PLAYING) ==
            GST_STATE_CHANGE_SUCCESS, "start %d", i))
      break;
    tf_free (one, bus[0]);
  }
  tf_check_closed ("800 one by one");
  CHECK (fake->opened == 800, "%d engines for 800 starts", fake->opened);

  fake_reset (fake);
  for (gint i = 0; i < 200; i++) {
    element[i] = tf_element (names[i & 1], "backend=cuda", &bus[i]);
    gst_element_set_state (element[i], GST_STATE_PLAYING);
  }
  CHECK (fake->engines == 1 && fake->slots == 200, "%d engines with %d slots for "
      "200 streams", fake->engines, fake->slots);
  CHECK (tf_number (element[0], "batch-streams") == 100, "%g encoders",
      tf_number (element[0], "batch-streams"));
  for (gint i = 0; i < 200; i++)
    tf_free (element[i], bus[i]);
  tf_check_closed ("200 at once");
  /* /proc shows a joined thread for a moment. */
  for (gint i = 0; i < 6000 && entries ("/proc/self/task") > threads; i++)
    g_usleep (10000);
  CHECK (entries ("/proc/self/fd") <= files
      && entries ("/proc/self/task") <= threads, "%u files and %u threads, now "
      "%u and %u", files, threads, entries ("/proc/self/fd"),
      entries ("/proc/self/task"));
  fake_reset (fake);
}

int
main (int argc, char **argv)
{
  gchar *fixtures;
  struct fake_control *fake;

  tc_init (&argc, &argv);
  fixtures = g_strdup (g_getenv ("TELUCODEC_BACKEND_PATH"));
  test_modules (fixtures);
  fake = tf_control ();
  test_devices (fake);
  test_ready (fake);
  test_latency (fake);
  test_thousand (fake);
  g_free (fixtures);
  return tc_done ("test_gst_cuda");
}
