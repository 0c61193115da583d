/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.c - which outputs the inputs become, and which of them are written. */
#include "program.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

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
  Item *item = files_add (items, name);
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
    files_fail (item, "%s is a folder", item->out);
  } else if (g_stat (item->in, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
    files_fail (item, "it would overwrite itself: give another name with -o");
  } else if (batch->force || !S_ISREG (out.st_mode)) {
    return;
  } else if (!batch->recursive && !batch->update) {
    files_fail (item, "%s is there already: -f overwrites it", item->out);
  } else if (strcmp (item->in, "-") && g_stat (item->in, &in) == 0 && is_newer (&in, &out)) {
    if (batch->originals && !batch->output)
      files_fail (item, "%s is older than it, perhaps its original: -f overwrites that", item->out);
    else if (!batch->update)
      files_fail (item, "%s is older than its source: -u writes it again", item->out);
  } else if (!batch->complete (item->out)) {
    if (!batch->update)
      files_fail (item, "%s is there but not whole: -u writes it again", item->out);
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
  items = files_new ();
  outs = g_hash_table_new (g_str_hash, g_str_equal);
  for (char **name = names; *name; name++) {
    if (!g_file_test (*name, G_FILE_TEST_IS_DIR))
      add_named (items, batch, *name, into && strcmp (*name, "-"));
    else if (batch->recursive)
      files_walk (items, *name, "", batch->wanted, into ? batch->output : NULL);
    else
      files_fail (files_add (items, *name), "is a folder: -r takes the files in it");
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
      files_fail (item, "it would become %s, as %s does: give it another name with -o", item->out,
          other->in);
    else
      g_hash_table_insert (outs, item->out, item);
    if (item->state == ITEM_TODO)
      judge (item, batch);
    if (strcmp (item->out, "-") == 0 && isatty (STDOUT_FILENO))
      files_fail (item, "standard output is a terminal: name a file with -o");
  }
  g_hash_table_unref (outs);
  return items;
}
