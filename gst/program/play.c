/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* play.c - telucodec play: plays any sound, .tlc or not. */
#include "program.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Returns advice for a machine without the sink of ALSA's devices, which has a package of its own;
 * that of sound servers comes with needed ones. */
static const char *
advice (void)
{
  GstElementFactory *factory = gst_element_factory_find ("alsasink");

  if (!factory)
    return "; without a sound server it takes the Debian package gstreamer1.0-alsa";
  gst_object_unref (factory);
  return "";
}

/* Refuses the sink that autoaudiosink takes where nothing can be heard. */
static void
element_added (GstBin * pipe, GstBin * bin, GstElement * element, gpointer user)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  (void) user;
  (void) bin;
  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "fakesink"))
    GST_ELEMENT_ERROR (pipe, RESOURCE, NOT_FOUND,
        ("no sound device is found here: --sink names another%s", advice ()), (NULL));
}

/* Keeps a window open that closes with the program, until its message is read. */
static void
wait_for_enter (void)
{
  struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

  if (!isatty (STDIN_FILENO))
    return;
  say_plain ("Enter ends");
  while (!setup_stopped () && poll (&input, 1, 100) <= 0);
}

/* Plays one file. Returns FALSE and error. */
static gboolean
play (const char *path, const char *sink, GError ** error)
{
  char *text = g_strdup_printf ("audioresample ! %s", sink);
  GPtrArray *warnings = g_ptr_array_new_with_free_func (g_free);
  GstElement *pipe = pipeline_from_sound (path, text, error);
  char *name = say_clean (path);
  gboolean ok;

  g_free (text);
  if (pipe && say_on_terminal ())
    say_plain ("%s (Ctrl-C ends)", name);
  if (pipe && g_str_equal (sink, "autoaudiosink"))
    g_signal_connect (pipe, "deep-element-added", G_CALLBACK (element_added), NULL);
  ok = pipe && pipeline_run (pipe, NULL, warnings, error);
  for (guint i = 0; i < warnings->len; i++)
    say ("%s: %s", name, (char *) warnings->pdata[i]);
  g_ptr_array_unref (warnings);
  g_clear_object (&pipe);
  g_free (name);
  return ok;
}

int
play_main (int argc, char **argv)
{
  char *sink = NULL;
  gboolean wait = FALSE;
  const GOptionEntry entries[] = {
    {"sink", 0, 0, G_OPTION_ARG_STRING, &sink,
        "GStreamer elements that take the sound (autoaudiosink)", "ELEMENTS"},
    {"wait", 0, 0, G_OPTION_ARG_NONE, &wait,
        "After an error wait for Enter, in a window that closes with the program", NULL},
    {NULL}
  };
  int code = DONE_ALL;

  if (!options_parse (&argc, &argv, entries, "FILE...",
          "Plays sound files, .tlc or any other, one after the other.",
          "Examples:\n"
          "  telucodec play speech.tlc\n"
          "  telucodec play --sink 'alsasink device=hw:1' speech.tlc\n"
          "  telucodec play --sink 'wavenc ! filesink location=x.wav' speech.mp3"))
    return DONE_USAGE;
  if (argc < 2)
    return options_wrong ("no file is named");
  for (int i = 1; i < argc && !setup_stopped (); i++) {
    GError *error = NULL;

    if (!play (argv[i], sink ? sink : "autoaudiosink", &error) && !setup_stopped ()) {
      char *name = say_clean (argv[i]);

      say ("%s: %s", name, error->message);
      g_free (name);
      code = DONE_SOME;
    }
    g_clear_error (&error);
  }
  g_free (sink);
  if (wait && code != DONE_ALL)
    wait_for_enter ();
  return setup_stopped () ? DONE_STOPPED : code;
}
