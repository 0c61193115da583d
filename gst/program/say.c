/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* say.c - messages and progress on stderr: one thread's line never splits another's; and JSON. */
#include "program.h"

#include <stdio.h>
#include <unistd.h>

static GMutex lock;
static gboolean drawn;          /* a line of progress is on the screen */

gboolean
say_on_terminal (void)
{
  const char *term = g_getenv ("TERM");

  return isatty (STDERR_FILENO) && g_strcmp0 (term, "dumb") != 0;
}

/* The caller holds the lock. */
static void
erase (void)
{
  if (drawn)
    fputs ("\r\033[K", stderr);
  drawn = FALSE;
}

static void
print (const char *before, const char *after, const char *format, va_list args)
{
  char *text = g_strdup_vprintf (format, args);

  g_mutex_lock (&lock);
  erase ();
  fprintf (stderr, "%s%s%s\n", before, text, after);
  fflush (stderr);
  g_mutex_unlock (&lock);
  g_free (text);
}

void
say (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  print ("telucodec: ", "", format, args);
  va_end (args);
}

void
say_plain (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  print ("", "", format, args);
  va_end (args);
}

void
say_loud (const char *format, ...)
{
  const gboolean bold = say_on_terminal ();
  va_list args;

  va_start (args, format);
  print (bold ? "\n\033[1;7m " : "\n*** ", bold ? " \033[0m" : " ***", format, args);
  va_end (args);
}

void
say_progress (const char *text)
{
  g_mutex_lock (&lock);
  erase ();
  if (text) {
    fputs (text, stderr);
    drawn = TRUE;
  }
  fflush (stderr);
  g_mutex_unlock (&lock);
}

char *
say_clean (const char *text)
{
  char *clean = g_utf8_make_valid (text, -1);

  for (char *c = clean; *c; c++)
    if ((guchar) * c < 0x20 || *c == 0x7f)
      *c = '?';
  return clean;
}

char *
say_time (double seconds)
{
  const int whole = (int) seconds, minutes = whole / 60;

  if (seconds < 60)
    return g_strdup_printf ("%.2f s", seconds);
  if (seconds < 3600)
    return g_strdup_printf ("%d:%05.2f", minutes, seconds - minutes * 60);
  return g_strdup_printf ("%d:%02d:%02d", minutes / 60, minutes % 60, whole % 60);
}

char *
say_bytes (double bytes)
{
  if (bytes < 1e5)
    return g_strdup_printf ("%.0f bytes", bytes);
  return bytes < 1e6 ? g_strdup_printf ("%.1f kB", bytes / 1e3) :
      bytes < 1e9 ? g_strdup_printf ("%.1f MB", bytes / 1e6) :
      g_strdup_printf ("%.2f GB", bytes / 1e9);
}

void
say_json (const char *before, const char *text)
{
  char *valid = g_utf8_make_valid (text ? text : "", -1);
  GString *out = g_string_new ("\"");

  for (const char *c = valid; *c; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (out, "\\%c", *c);
    else if ((guchar) * c < 0x20)
      g_string_append_printf (out, "\\u%04x", *c);
    else
      g_string_append_c (out, *c);
  g_string_append_c (out, '"');
  g_print ("%s%s", before, text ? out->str : "null");
  g_string_free (out, TRUE);
  g_free (valid);
}
