/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* setup.c - makes GStreamer find the plugin, and Ctrl-C end the work tidily. */
#include "program.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stopped;

char *
setup_folder (void)
{
  char *self = g_file_read_link ("/proc/self/exe", NULL);
  char *folder = self ? g_path_get_dirname (self) : NULL;

  g_free (self);
  return folder;
}

/* Tells the elements of weights beside a program that was moved: they look where the plugin was to
 * be installed. */
static void
tell_models (const char *folder)
{
  char *own = g_canonicalize_filename ("../" TELU_DATADIR "/telucodec", folder), *all;
  const char *old = g_getenv (FINDER_PATH_ENV);

  if (!g_str_equal (own, TELU_MODELS_INSTALLED) && g_file_test (own, G_FILE_TEST_IS_DIR)) {
    all = old && *old ? g_strconcat (old, G_SEARCHPATH_SEPARATOR_S, own, NULL) : g_strdup (own);
    g_setenv (FINDER_PATH_ENV, all, TRUE);
    g_free (all);
  }
  g_free (own);
}

void
setup_paths (void)
{
  const char *old = g_getenv ("GST_PLUGIN_PATH");
  char *folder = setup_folder (), *plugins, *path;

  if (!folder)
    return;
  if (g_str_equal (folder, TELU_PROGRAM_BUILD_DIR)) {
    char *registry = g_build_filename (folder, "registry.bin", NULL);

    /* The user's registry does not learn of a build folder. */
    g_setenv ("GST_REGISTRY", registry, FALSE);
    plugins = g_path_get_dirname (folder);
    g_free (registry);
  } else {
    plugins = g_build_filename (folder, "..", TELU_LIBDIR, "gstreamer-1.0", NULL);
    tell_models (folder);
  }
  path = g_build_filename (plugins, "libgsttelucodec.so", NULL);
  if (g_file_test (path, G_FILE_TEST_EXISTS)) {
    char *all = old && *old ? g_strconcat (plugins, ":", old, NULL) : g_strdup (plugins);

    g_setenv ("GST_PLUGIN_PATH", all, TRUE);
    g_free (all);
  }
  g_free (path);
  g_free (plugins);
  g_free (folder);
}

gboolean
setup_plugin (void)
{
  static const char *const needed[][2] = {
    {"telucodecenc", NULL}, {"decodebin", "gstreamer1.0-plugins-base"},
    {"audioconvert", "gstreamer1.0-plugins-base"},
    {"audioresample", "gstreamer1.0-plugins-base"},
    {"wavenc", "gstreamer1.0-plugins-good"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (needed); i++) {
    GstElementFactory *factory = gst_element_factory_find (needed[i][0]);

    if (factory) {
      gst_object_unref (factory);
      continue;
    }
    if (needed[i][1])
      say ("GStreamer's element %s is missing: install the Debian package %s", needed[i][0],
          needed[i][1]);
    else
      say ("GStreamer does not find the plugin libgsttelucodec.so: set GST_PLUGIN_PATH to its "
          "folder, or install it beside this program");
    return FALSE;
  }
  return TRUE;
}

static void
on_signal (int number)
{
  (void) number;
  stopped = 1;
}

void
setup_signals (void)
{
  static const int all[] = { SIGINT, SIGTERM, SIGHUP };
  struct sigaction a, was;

  memset (&a, 0, sizeof (a));
  a.sa_handler = on_signal;
  a.sa_flags = SA_RESETHAND;
  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (!sigaction (all[i], NULL, &was) && was.sa_handler != SIG_IGN)
      sigaction (all[i], &a, NULL);
  /* A closed pipe is an error message, not the end of the program. */
  signal (SIGPIPE, SIG_IGN);
}

gboolean
setup_stopped (void)
{
  return stopped;
}
