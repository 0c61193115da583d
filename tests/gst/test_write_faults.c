/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_write_faults.c TELUCODEC CLIP WEIGHTS - the disk fails at each write of a .tlc file, of the
 * sound decoded from it, of a picture and of weights that are added. The message names the file
 * and the reason; a file that stood there stays, and no part of a file is left. An interrupted or
 * a short write changes nothing. */
#include "faults.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gint failed;
static gchar *folder, *out;
static const gchar *program;

static void
check (gboolean ok, const gchar * what, const gchar * where, const gchar * got)
{
  if (ok)
    return;
  failed = 1;
  printf ("%s: %s: %s\n", where, what, got ? got : "nothing");
}

/* Returns what came of writing `in` to the output by `command`, in two words or one; "compare"
 * draws `in` beside itself. */
static struct fault_result
run (const gchar * command, const gchar * in, const struct fault *fault)
{
  const gboolean add = strcmp (command, "models add") == 0;
  gchar *argv[] = { (gchar *) program, (gchar *) command, (gchar *) in, (gchar *) "-o", out,
    (gchar *) "-f", NULL
  };
  gchar *add_argv[] = { (gchar *) program, (gchar *) "models", (gchar *) "add", (gchar *) in,
    (gchar *) "out", (gchar *) "-f", NULL
  };
  gchar *compare_argv[] = { (gchar *) program, (gchar *) command, (gchar *) in, (gchar *) in,
    (gchar *) "-o", out, (gchar *) "-f", NULL
  };
  const gboolean compare = strcmp (command, "compare") == 0;
  struct fault_result r;

  if (fault_run (add ? add_argv : compare ? compare_argv : argv, fault, &r)) {
    printf ("this system does not hand over system calls (seccomp, Linux 5.6)\n");
    exit (77);
  }
  return r;
}

/* Checks that the output's folder holds it alone, with these bytes. */
static void
expect_output (GBytes * bytes, const gchar * where)
{
  gchar *parent = g_path_get_dirname (out);
  GDir *dir = g_dir_open (parent, 0, NULL);
  const gchar *entry;
  gchar *data = NULL;
  gsize size = 0;
  GBytes *got;

  while ((entry = g_dir_read_name (dir)))
    check (g_str_has_prefix (entry, "in.") || g_str_has_suffix (out, entry), "a file is left",
        where, entry);
  g_dir_close (dir);
  g_free (parent);
  g_file_get_contents (out, &data, &size, NULL);
  got = g_bytes_new_take (data, size);
  check (g_bytes_equal (got, bytes), "the output has other bytes", where, NULL);
  g_bytes_unref (got);
}

static void
test_faults (const gchar * command, const gchar * in, const gchar * name)
{
  static const gint errors[] = { ENOSPC, EIO, EDQUOT, EINTR, FAULT_SHORT };
  const struct fault none = { folder, -1, 0, 0 };
  GBytes *old = g_bytes_new_static ("old", 3), *whole;
  struct fault_result r;
  gchar *data = NULL;
  gsize size = 0;
  gint calls;

  g_free (out);
  out = g_build_filename (folder, name, NULL);
  r = run (command, in, &none);
  calls = r.calls;
  check (r.code == 0 && calls >= 3, "it fails without a fault", command, r.text);
  g_file_get_contents (out, &data, &size, NULL);
  whole = g_bytes_new_take (data, size);
  check (size > 1000, "there is no output", command, NULL);

  for (gint at = 0; at < calls; at++) {
    for (guint i = 0; i < G_N_ELEMENTS (errors); i++) {
      const struct fault fault = { folder, at, errors[i], errors[i] != EINTR && errors[i] > 0 };
      const gchar *error = errors[i] > 0 ? g_strerror (errors[i]) : "short write";
      gchar *where = g_strdup_printf ("%s, call %d, %s", command, at, error);

      g_file_set_contents (out, "old", 3, NULL);
      r = run (command, in, &fault);
      check (r.calls > at, "the call did not come", where, r.text);
      if (fault.stays) {
        check (r.code == 1 && strstr (r.text, error) && strstr (r.text, out),
            "it does not say so", where, r.text);
        expect_output (old, where);
      } else {
        check (r.code == 0, "it does not go on", where, r.text);
        expect_output (whole, where);
      }
      g_free (where);
    }
  }
  printf ("%s: %d calls\n", command, calls);
  g_bytes_unref (whole);
  g_bytes_unref (old);
}

int
main (int argc, char **argv)
{
  gchar *tlc, *weights;

  if (argc != 4) {
    printf ("usage: test_write_faults TELUCODEC CLIP WEIGHTS\n");
    return 1;
  }
  program = argv[1];
  folder = g_dir_make_tmp ("telucodec-XXXXXX", NULL);
  test_faults ("encode", argv[2], "out.tlc");
  tlc = g_build_filename (folder, "in.tlc", NULL);
  g_rename (out, tlc);
  test_faults ("decode", tlc, "out.wav");
  g_unlink (out);
  test_faults ("compare", tlc, "out.png");
  g_unlink (out);
  g_unlink (tlc);
  g_setenv ("XDG_DATA_HOME", folder, TRUE);
  test_faults ("models add", argv[3], "telucodec/out.safetensors");
  g_unlink (out);
  weights = g_path_get_dirname (out);
  g_rmdir (weights);
  g_rmdir (folder);
  g_free (weights);
  g_free (tlc);
  g_free (out);
  g_free (folder);
  return failed;
}
