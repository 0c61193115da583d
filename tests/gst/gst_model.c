/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_model.c - checks how an element finds its weights: each failure posts its own error and
 * leaves the element usable; streams share a loaded model. */
#include "gst_common.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Checks that the start fails with this error, and then succeeds with good weights. */
static void
expect_failure (const gchar * name, const gchar * path, GQuark domain, gint code,
    const gchar * word)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_element_set_bus (element, bus);
  g_object_set (element, "model-path", path, NULL);
  CHECK (gst_element_set_state (element, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE, "%s: starts with %s", name, path);
  tc_expect_error (bus, name, domain, code, word);
  /* GstAudioDecoder posts a second error. */
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);

  gst_element_set_state (element, GST_STATE_NULL);
  g_object_set (element, "model-path", tc_model_path (), NULL);
  CHECK (gst_element_set_state (element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE, "%s: does not recover from %s", name, path);
  message = tc_message (bus, GST_MESSAGE_ERROR);
  CHECK (!message, "%s: an error with good weights", name);
  gst_clear_message (&message);

  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

static void
test_cuda (const gchar * name)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  gst_util_set_object_arg (G_OBJECT (element), "backend", "cuda");
  CHECK (gst_element_set_state (element, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE, "%s: starts with backend=cuda", name);
  tc_expect_error (bus, name, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT,
      "CUDA module");
  gst_element_set_state (element, GST_STATE_NULL);
  gst_util_set_object_arg (G_OBJECT (element), "backend", "auto");
  CHECK (gst_element_set_state (element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE, "%s: does not recover from backend=cuda", name);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

/* Checks that a plugin outside the build tree finds only installed weights. A child process
 * runs it, since a process loads a plugin once. */
static void
test_none (const gchar * name)
{
  GstPlugin *plugin = gst_registry_find_plugin (gst_registry_get (),
      "telucodec");
  gchar *copy = tc_path ("libgsttelucodec.so");
  gchar *registry = tc_path ("registry.bin"), *dir = g_path_get_dirname (copy);
  gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  gchar *argv[] = { self, (gchar *) "--child", (gchar *) name, NULL };
  gchar **env = g_get_environ (), *data = NULL;
  GError *error = NULL;
  gsize size;
  gint status = -1;

  CHECK (g_file_get_contents (gst_plugin_get_filename (plugin), &data, &size,
          &error) && g_file_set_contents (copy, data, size, &error),
      "copying the plugin: %s", error ? error->message : "");
  env = g_environ_unsetenv (env, "TELUCODEC_MODEL");
  env = g_environ_unsetenv (env, "GST_PLUGIN_PATH_1_0");
  env = g_environ_setenv (env, "GST_PLUGIN_SYSTEM_PATH_1_0", "", TRUE);
  env = g_environ_setenv (env, "GST_PLUGIN_PATH", dir, TRUE);
  env = g_environ_setenv (env, "GST_REGISTRY", registry, TRUE);
  env = g_environ_setenv (env, "GST_REGISTRY_1_0", registry, TRUE);
  CHECK (g_spawn_sync (NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL,
          &status, &error), "%s: %s", name, error ? error->message : "");
  CHECK (status == 0, "%s: status %d of the process without weights", name,
      status);

  g_clear_error (&error);
  g_strfreev (env);
  g_free (data);
  g_free (self);
  g_free (dir);
  g_free (registry);
  g_free (copy);
  gst_object_unref (plugin);
}

/* Returns whether the decoder takes caps that name no weights. */
static gboolean
takes_nameless (GstElement * dec)
{
  GstPad *pad = gst_element_get_static_pad (dec, "sink");
  GstCaps *caps = gst_caps_from_string ("audio/x-telucodec,framed=true,rate=16000,channels=1");
  gboolean taken;

  gst_pad_send_event (pad, gst_event_new_stream_start ("a"));
  taken = gst_pad_send_event (pad, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  gst_object_unref (pad);
  return taken;
}

int
tc_child (int argc, char **argv)
{
  GstElement *element;
  GstMessage *message;
  GError *error = NULL;
  GstBus *bus;
  int status = 1;

  if (argc != 3 || strcmp (argv[1], "--child"))
    return -1;
  gst_init (NULL, NULL);
  element = gst_element_factory_make (argv[2], NULL);
  if (!element)
    return 1;
  bus = gst_bus_new ();
  gst_element_set_bus (element, bus);
  /* The decoder waits for a stream to name its weights. */
  if (gst_element_set_state (element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE
      && (!g_str_equal (argv[2], "telucodecdec") || takes_nameless (element))) {
    printf ("%s: takes the installed weights\n", argv[2]);
    status = 0;
  } else if ((message = tc_message (bus, GST_MESSAGE_ERROR))) {
    gst_message_parse_error (message, &error, NULL);
    if (g_error_matches (error, GST_RESOURCE_ERROR,
            GST_RESOURCE_ERROR_SETTINGS)
        && strstr (error->message, "model-path")
        && strstr (error->message, "TELUCODEC_MODEL"))
      status = 0;
    else
      printf ("%s: %s\n", argv[2], error->message);
    g_error_free (error);
    gst_message_unref (message);
  }
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  return status;
}

void
tc_test_model_errors (const gchar * name)
{
  gchar *missing = tc_path ("missing.safetensors");
  gchar *bad = tc_path ("bad.safetensors");
  gchar *folder = g_path_get_dirname (bad);
  gchar *file, *env = g_strdup (tc_model_path ());
  gsize size;

  expect_failure (name, missing, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NOT_FOUND, missing);
  expect_failure (name, folder, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
      folder);

  /* The element must not wait for a writer of the pipe. */
  CHECK (mkfifo (bad, 0600) == 0, "no pipe: %s", g_strerror (errno));
  expect_failure (name, bad, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
      "regular");
  g_unlink (bad);

  g_file_set_contents (bad, "no weights at all", -1, NULL);
  expect_failure (name, bad, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, bad);
  g_file_set_contents (bad, "", 0, NULL);
  expect_failure (name, bad, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, bad);
  g_file_get_contents (tc_model_path (), &file, &size, NULL);
  g_file_set_contents (bad, file, size - 1, NULL);
  expect_failure (name, bad, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, bad);
  g_free (file);

  /* A variable that names a missing file must not select other weights. */
  g_setenv ("TELUCODEC_MODEL", missing, TRUE);
  {
    GstElement *element = gst_element_factory_make (name, NULL);
    GstBus *bus = gst_bus_new ();

    gst_element_set_bus (element, bus);
    CHECK (gst_element_set_state (element, GST_STATE_PAUSED) ==
        GST_STATE_CHANGE_FAILURE, "%s: starts without its weights", name);
    tc_expect_error (bus, name, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NOT_FOUND, "TELUCODEC_MODEL");
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (bus);
    gst_object_unref (element);
  }
  g_setenv ("TELUCODEC_MODEL", env, TRUE);

  if (!tc_in_batches ())
    test_cuda (name);
  test_none (name);
  g_free (env);
  g_free (folder);
  g_free (bad);
  g_free (missing);
}

static gchar *
id_of (GstElement * element)
{
  GstStructure *stats;
  gchar *id;

  g_object_get (element, "stats", &stats, NULL);
  id = g_strdup (gst_structure_get_string (stats, "model-id"));
  gst_structure_free (stats);
  return id;
}

static GstElement *
start (const gchar * name, const gchar * path)
{
  GstElement *element = gst_element_factory_make (name, NULL);

  g_object_set (element, "model-path", path, NULL);
  CHECK (gst_element_set_state (element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE, "%s: does not start", name);
  return element;
}

static void
stop (GstElement * element)
{
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

/* Checks that two streams of one file share it: the file changes while size and time stay.
 * A file with a new time is loaded again. */
void
tc_test_model_cache (const gchar * name)
{
  gchar *path = tc_path ("shared.safetensors"), *a, *b, *c, *d, *file;
  GstElement *first, *second, *third, *fourth;
  struct timespec times[2];
  struct stat st;
  gsize size;

  g_file_get_contents (tc_model_path (), &file, &size, NULL);
  g_file_set_contents (path, file, size, NULL);
  stat (path, &st);
  first = start (name, path);

  tc_write_other_model (path);
  times[0] = st.st_atim;
  times[1] = st.st_mtim;
  utimensat (AT_FDCWD, path, times, 0);
  second = start (name, path);

  times[1].tv_sec -= 10;
  utimensat (AT_FDCWD, path, times, 0);
  third = start (name, path);

  a = id_of (first);
  b = id_of (second);
  c = id_of (third);
  CHECK (!g_strcmp0 (a, telu_model_id (tc_model ())), "%s: id %s", name, a);
  CHECK (!g_strcmp0 (a, b), "%s: not shared, %s and %s", name, a, b);
  CHECK (g_strcmp0 (a, c), "%s: a newer file was not loaded", name);

  /* A model without streams is freed. */
  stop (first);
  stop (second);
  times[1] = st.st_mtim;
  utimensat (AT_FDCWD, path, times, 0);
  fourth = start (name, path);
  d = id_of (fourth);
  CHECK (!g_strcmp0 (c, d), "%s: %s, expected %s of the file", name, d, c);
  stop (third);
  stop (fourth);

  g_free (a);
  g_free (b);
  g_free (c);
  g_free (d);
  g_free (file);
  g_free (path);
}
