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

static Item *
add (GPtrArray * items, const char *in)
{
  Item *item = g_new0 (Item, 1);

  item->in = g_strdup (in);
  g_ptr_array_add (items, item);
  return item;
}

static Item *
fail (Item * item, const char *format, ...)
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

/* Adds the wanted files below root/below, in order of their names. Links to folders are not
 * followed: they may lead round. `out`: the folder that gets the same folders, or NULL. */
static void
walk (GPtrArray * items, const char *root, const char *below,
    gboolean (*wanted) (const char *), const char *out)
{
  char *folder = g_build_filename (root, below, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GError *error = NULL;
  GDir *dir = g_dir_open (folder, 0, &error);
  const char *name;

  if (!dir) {
    fail (add (items, folder), "%s", error->message);
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
        walk (items, root, deeper, wanted, out);
    } else if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && wanted (path)) {
      Item *item = add (items, path);

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
  GPtrArray *items = g_ptr_array_new_with_free_func (item_free);

  for (char **name = names; *name; name++) {
    if (!g_file_test (*name, G_FILE_TEST_IS_DIR))
      add (items, *name);
    else if (recursive)
      walk (items, *name, "", wanted, NULL);
    else
      fail (add (items, *name), "is a folder: -r takes the files in it");
  }
  return items;
}

/* Replaces the extension of a name. */
static char *
renamed (const char *path, const char *extension)
{
  const char *slash = strrchr (path, G_DIR_SEPARATOR);
  const char *base = slash ? slash + 1 : path;
  const char *dot = strrchr (base, '.');

  return g_strdup_printf ("%.*s%s", (int) (dot && dot > base ? dot - path : (glong) strlen (path)),
      path, extension);
}

/* Adds a file that was named on the command line; `into`: OUT is a folder. */
static void
add_named (GPtrArray * items, const Batch * batch, const char *name, gboolean into)
{
  Item *item = add (items, name);
  char *base;

  if (batch->output && !into) {
    item->out = g_strdup (batch->output);
  } else if (strcmp (name, "-") == 0) {
    item->out = g_strdup ("-");
  } else if (into) {
    base = g_path_get_basename (name);
    item->out = g_build_filename (batch->output, base, NULL);
    g_free (base);
  } else {
    item->out = g_strdup (name);
  }
}

static gboolean
is_newer (const GStatBuf * a, const GStatBuf * b)
{
  return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
      : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* Judges an output that is there already. */
static void
judge (Item * item, const Batch * batch)
{
  GStatBuf in, out;

  if (strcmp (item->out, "-") == 0 || g_stat (item->out, &out) < 0)
    return;
  if (S_ISDIR (out.st_mode)) {
    fail (item, "%s is a folder", item->out);
  } else if (g_stat (item->in, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
    fail (item, "it would overwrite itself: give another name with -o");
  } else if (batch->force || !S_ISREG (out.st_mode)) {
    return;
  } else if (!batch->recursive && !batch->update) {
    fail (item, "%s is there already: -f overwrites it", item->out);
  } else if (strcmp (item->in, "-") && g_stat (item->in, &in) == 0 && is_newer (&in, &out)) {
    if (!batch->update)
      fail (item, "%s is older than its source: -u writes it again", item->out);
  } else if (!batch->complete (item->out)) {
    if (!batch->update)
      fail (item, "%s is there but not whole: -u writes it again", item->out);
  } else {
    item->state = ITEM_DONE_BEFORE;
  }
}

GPtrArray *
files_plan (const Batch * batch, char **names)
{
  const gsize len = batch->output ? strlen (batch->output) : 0;
  const gboolean into = batch->output && strcmp (batch->output, "-") &&
      (batch->recursive || g_strv_length (names) > 1 || (len && batch->output[len - 1] == '/') ||
      g_file_test (batch->output, G_FILE_TEST_IS_DIR));
  GPtrArray *items;
  GHashTable *outs;

  if (!*names) {
    options_wrong ("no file is named");
    return NULL;
  }
  if (batch->output && !len) {
    options_wrong ("-o is empty");
    return NULL;
  }
  if (batch->output && !strcmp (batch->output, "-")
      && (batch->recursive || g_strv_length (names) > 1)) {
    options_wrong ("-o is -, which takes one file: %u are named", g_strv_length (names));
    return NULL;
  }
  items = g_ptr_array_new_with_free_func (item_free);
  outs = g_hash_table_new (g_str_hash, g_str_equal);
  for (char **name = names; *name; name++) {
    if (!g_file_test (*name, G_FILE_TEST_IS_DIR))
      add_named (items, batch, *name, into && strcmp (*name, "-"));
    else if (batch->recursive)
      walk (items, *name, "", batch->wanted, into ? batch->output : NULL);
    else
      fail (add (items, *name), "is a folder: -r takes the files in it");
  }
  for (guint i = 0; i < items->len; i++) {
    Item *item = items->pdata[i], *other;
    char *out;

    if (item->state == ITEM_FAILED)
      continue;
    /* A name given by -o stays as it is. */
    if (strcmp (item->out, "-") && (!batch->output || into)) {
      out = renamed (item->out, batch->extension);
      g_free (item->out);
      item->out = out;
    }
    if ((other = g_hash_table_lookup (outs, item->out)))
      fail (item, "it would become %s, as %s does: give it another name with -o", item->out,
          other->in);
    else
      g_hash_table_insert (outs, item->out, item);
    if (item->state == ITEM_TODO)
      judge (item, batch);
    if (strcmp (item->out, "-") == 0 && isatty (STDOUT_FILENO))
      fail (item, "standard output is a terminal: name a file with -o");
  }
  g_hash_table_unref (outs);
  return items;
}
