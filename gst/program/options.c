/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.c - the command line of each command. */
#include "program.h"

#include "telu.h"

#include <locale.h>
#include <math.h>
#include <string.h>

gboolean
options_parse (int *argc, char ***argv, const GOptionEntry * entries,
    const char *usage, const char *summary, const char *details)
{
  GOptionContext *ctx = g_option_context_new (usage);
  char *name = g_strconcat ("telucodec ", (*argv)[0], NULL);
  GError *error = NULL;
  gboolean ok;

  g_set_prgname (name);
  g_option_context_set_summary (ctx, summary);
  g_option_context_set_description (ctx, details);
  g_option_context_add_main_entries (ctx, entries, NULL);
  /* GStreamer's own options stay out of --help: GST_DEBUG and its like do the same. */
  ok = g_option_context_parse (ctx, argc, argv, &error);
  if (ok && *argc > 1 && strcmp ((*argv)[1], "--") == 0) {
    memmove (*argv + 1, *argv + 2, sizeof (char *) * (*argc - 1));
    (*argc)--;
  }
  if (!ok) {
    options_wrong ("%s", error->message);
    g_clear_error (&error);
  }
  g_option_context_free (ctx);
  g_free (name);
  /* Figures are printed with decimal points everywhere. */
  setlocale (LC_NUMERIC, "C");
  return ok;
}

int
options_wrong (const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  say ("%s; %s --help tells more", text, g_get_prgname ());
  g_free (text);
  return DONE_USAGE;
}

int
options_bitrate (const char *text)
{
  char *end;
  double value = g_ascii_strtod (text, &end);

  if (end == text || !isfinite (value))
    return -1;
  if (*end == 'k' || *end == 'K') {
    value *= 1000;
    end++;
  }
  if (*end && g_ascii_strcasecmp (end, "bit/s") && g_ascii_strcasecmp (end, "bps"))
    return -1;
  return value >= TELU_MIN_BITRATE && value <= TELU_MAX_BITRATE ? (int) lrint (value) : -1;
}

gboolean
options_one_of (const char *option, const char *text, const char *const *list)
{
  char *all;

  if (!text || g_strv_contains (list, text))
    return TRUE;
  all = g_strjoinv (", ", (char **) list);
  options_wrong ("%s is %s, expected one of %s", option, text, all);
  g_free (all);
  return FALSE;
}
