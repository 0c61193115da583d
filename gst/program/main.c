/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c - telucodec: compresses speech, and all that goes with it, in one program. */
#include "program.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const Command commands[] = {
  {"encode", "compress sound files or folders to .tlc", encode_main},
  {"decode", "make WAV or FLAC of .tlc files", decode_main},
  {"info", "tell what .tlc files hold, and whether they are whole", info_main},
  {"play", "play .tlc or any other sound", play_main},
  {"compare", "measure and draw how near two sounds are", compare_main},
  {"models", "list the weights that are installed, add some", models_main},
  {"bench", "tell how fast this machine encodes and decodes", bench_main},
};

static void
help (void)
{
  g_print ("telucodec - a neural speech codec for Telugu\n\n"
      "Usage: telucodec COMMAND [OPTION...] FILE...\n\n");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_print ("  %-9s %s\n", commands[i].name, commands[i].what);
  g_print ("  %-9s %s\n\n"
      "Examples:\n"
      "  telucodec encode speech.mp3                 speech.tlc, at 16 kbit/s\n"
      "  telucodec encode -b 6k -r archive -o small  a folder, on all cores\n"
      "  telucodec decode speech.tlc -o again.wav\n"
      "  telucodec info speech.tlc\n"
      "  telucodec play speech.tlc\n"
      "  telucodec compare speech.mp3 speech.tlc -o picture.png\n\n"
      "telucodec COMMAND --help tells the options; man telucodec tells all.\n",
      "train", "learn weights from your own speech (telucodec-train)");
}

/* Replaces this program by the trainer. Returns only if that fails. */
static int
train (char **argv)
{
  char *folder = setup_folder (), *path;

  argv[0] = (char *) "telucodec-train";
  if (folder && g_str_equal (folder, TELU_PROGRAM_BUILD_DIR))
    path = g_strdup (TELU_TRAINER_BUILD);
  else
    path = g_build_filename (folder ? folder : ".", "telucodec-train", NULL);
  execv (path, argv);
  if (errno == ENOENT)
    execvp ("telucodec-train", argv);
  say ("telucodec-train cannot be started: %s; looked for %s and in PATH. It is built where "
      "OpenBLAS is (Debian package libopenblas-dev)", g_strerror (errno), path);
  g_free (path);
  g_free (folder);
  return DONE_USAGE;
}

/* Keeps the log of GStreamer's libraries about odd files (an MP3 without a frame, an empty sound)
 * for runs with GST_DEBUG: the bus has the messages that matter. */
static void
drop_log (const char *domain, GLogLevelFlags level, const char *text, gpointer user)
{
  if (!domain || !g_str_has_prefix (domain, "GStreamer") || (level & G_LOG_FLAG_FATAL)
      || g_getenv ("GST_DEBUG"))
    g_log_default_handler (domain, level, text, user);
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "--help";

  setlocale (LC_ALL, "");
  g_set_prgname ("telucodec");
  if (!strcmp (name, "--help") || !strcmp (name, "-h") || !strcmp (name, "help")) {
    help ();
    return argc > 1 ? DONE_ALL : DONE_USAGE;
  }
  if (!strcmp (name, "--version")) {
    g_print ("telucodec %s\n", TELU_PROGRAM_VERSION);
    return DONE_ALL;
  }
  if (!strcmp (name, "train"))
    return train (argv + 1);
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (!strcmp (name, commands[i].name)) {
      setup_paths ();
      gst_init (NULL, NULL);
      g_log_set_default_handler (drop_log, NULL);
      setup_signals ();
      return commands[i].run (argc - 1, argv + 1);
    }
  return options_wrong ("there is no command %s", name);
}
