/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* files.c - which files are read, and what becomes of each. */
#include "program.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/base/gsttypefindhelper.h>
#include <string.h>
#include <unistd.h>

#define HEAD 4096

static gboolean
has_suffix (const char *path, const char *const *list)
{
  const char *dot = strrchr (path, '.');
  char *low = dot ? g_ascii_strdown (dot + 1, -1) : NULL;
  gboolean has = low && g_strv_contains (list, low);

  g_free (low);
  return has;
}

gboolean
files_is_tlc (const char *path)
{
  static const char *const ours[] = { "tlc", NULL };

  return has_suffix (path, ours);
}

gboolean
files_is_media (const char *path)
{
  static const char *const known[] = {
    "wav", "flac", "mp3", "ogg", "oga", "opus", "m4a", "aac", "mp4", "mkv", "mka", "webm", "mov",
    "avi", "aif", "aiff", "aifc", "caf", "w64", "au", "snd", "amr", "awb", "wv", "wma", "3gp",
    "spx", "gsm", "sph", "ac3", "tta", "ape", NULL
  };
  static const char *const types[] = { "audio/", "video/", "application/ogg",
    "application/x-id3", "application/x-apetag"
  };
  guint8 head[HEAD];
  gboolean media = FALSE;
  GstCaps *caps;
  gssize n;
  int fd;

  if (files_is_tlc (path))
    return FALSE;
  if (has_suffix (path, known))
    return TRUE;
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  n = fd >= 0 ? read (fd, head, HEAD) : -1;
  if (fd >= 0)
    close (fd);
  caps = n > 0 ? gst_type_find_helper_for_data (NULL, head, n, NULL) : NULL;
  if (!caps)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    media |= g_str_has_prefix (gst_structure_get_name (gst_caps_get_structure (caps, 0)),
        types[i]);
  gst_caps_unref (caps);
  return media;
}

static void
item_free (gpointer data)
{
  Item *item = data;

  g_free (item->in);
  g_free (item->out);
  g_free (item->text);
  g_free (item);
}

GPtrArray *
files_new (void)
{
  return g_ptr_array_new_with_free_func (item_free);
}

Item *
files_add (GPtrArray * items, const char *in)
{
  Item *item = g_new0 (Item, 1);

  item->in = g_strdup (in);
  g_ptr_array_add (items, item);
  return item;
}

Item *
files_fail (Item * item, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_free (item->text);
  item->text = g_strdup_vprintf (format, args);
  va_end (args);
  item->state = ITEM_FAILED;
  return item;
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

void
files_walk (GPtrArray * items, const char *root, const char *below,
    gboolean (*wanted) (const char *), const char *out)
{
  char *folder = g_build_filename (root, below, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GError *error = NULL;
  GDir *dir = g_dir_open (folder, 0, &error);
  const char *name;

  if (!dir) {
    files_fail (files_add (items, folder), "%s", error->message);
    g_error_free (error);
  }
  while (dir && (name = g_dir_read_name (dir)))
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  if (dir)
    g_dir_close (dir);
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++) {
    char *deeper = g_build_filename (below, names->pdata[i], NULL);
    char *path = g_build_filename (root, deeper, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
      if (!g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        files_walk (items, root, deeper, wanted, out);
    } else if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && wanted (path)) {
      Item *item = files_add (items, path);

      item->out = out ? g_build_filename (out, deeper, NULL) : g_strdup (path);
    }
    g_free (path);
    g_free (deeper);
  }
  g_ptr_array_unref (names);
  g_free (folder);
}

GPtrArray *
files_list (char **names, gboolean recursive, gboolean (*wanted) (const char *path))
{
  GPtrArray *items = files_new ();

  for (char **name = names; *name; name++) {
    if (!g_file_test (*name, G_FILE_TEST_IS_DIR))
      files_add (items, *name);
    else if (recursive)
      files_walk (items, *name, "", wanted, NULL);
    else
      files_fail (files_add (items, *name), "is a folder: -r takes the files in it");
  }
  return items;
}
