/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finder.c - see finder.h. */
#include "finder.h"

#include "json.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define MOST_HEADER (1 << 20)

/* --- One file ----------------------------------------------------------------- */

void
finder_free (FinderModel * m)
{
  if (!m)
    return;
  g_free (m->path);
  g_free (m->name);
  g_free (m->id);
  g_free (m->version);
  g_free (m->language);
  g_free (m->licence);
  g_free (m->training);
  g_free (m);
}

char *
finder_name (const char *path)
{
  char *name = g_path_get_basename (path);

  if (g_str_has_suffix (name, FINDER_EXTENSION))
    name[strlen (name) - strlen (FINDER_EXTENSION)] = '\0';
  return name;
}

static char *
text_of (const struct telu_json *meta, const char *key)
{
  return g_strdup (telu_json_string (telu_json_member (meta, key)));
}

/* Takes the texts of a header of weights. Returns NULL when it is of something else. */
static FinderModel *
describe (const char *path, const struct telu_json *meta)
{
  char *format = text_of (meta, "format"), *id = text_of (meta, "model_id");
  FinderModel *m = NULL;

  if (id && g_strcmp0 (format, "telucodec") == 0) {
    m = g_new0 (FinderModel, 1);
    m->path = g_strdup (path);
    m->name = finder_name (path);
    m->id = g_steal_pointer (&id);
    m->version = text_of (meta, "version");
    m->language = text_of (meta, "language");
    m->licence = text_of (meta, "licence");
    m->training = text_of (meta, "training");
  }
  g_free (format);
  g_free (id);
  return m;
}

FinderModel *
finder_read (const char *path)
{
  /* Opening a pipe would wait until someone writes to it. */
  FILE *file = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_fopen (path, "rb") : NULL;
  guint8 length[8];
  guint64 size = 0;
  char *text = NULL;
  struct telu_json_doc doc;
  FinderModel *m = NULL;

  if (file && fread (length, 1, 8, file) == 8)
    for (int i = 7; i >= 0; i--)
      size = size << 8 | length[i];
  if (size > 0 && size <= MOST_HEADER) {
    text = g_malloc (size);
    if (fread (text, 1, size, file) == size && telu_json_parse (&doc, path, text, size) == 0) {
      m = describe (path, telu_json_member (doc.node, "__metadata__"));
      telu_json_free (&doc);
    }
  }
  g_free (text);
  if (file)
    fclose (file);
  return m;
}

/* --- Folders ------------------------------------------------------------------ */

static void
add_folder (GPtrArray * folders, char *folder)
{
  if (folder && *folder && !g_ptr_array_find_with_equal_func (folders, folder, g_str_equal, NULL))
    g_ptr_array_add (folders, folder);
  else
    g_free (folder);
}

char *
finder_user_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "telucodec", NULL);
}

/* Lists the folders to look into, the first one first. */
static GPtrArray *
folders_of (const char *own)
{
  GPtrArray *folders = g_ptr_array_new_with_free_func (g_free);
  const char *path = g_getenv (FINDER_PATH_ENV);
  char **list = g_strsplit (path ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);

  for (char **f = list; *f; f++)
    add_folder (folders, g_strdup (*f));
  g_strfreev (list);
  add_folder (folders, finder_user_folder ());
  add_folder (folders, g_strdup (own));
  for (const char *const *dir = g_get_system_data_dirs (); *dir; dir++)
    add_folder (folders, g_build_filename (*dir, "telucodec", NULL));
  return folders;
}

char *
finder_places (const char *own)
{
  GPtrArray *folders = folders_of (own);
  char *text;

  g_ptr_array_add (folders, NULL);
  text = g_strjoinv (", ", (char **) folders->pdata);
  g_ptr_array_unref (folders);
  return text;
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
add_files (GPtrArray * models, const char *folder)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, FINDER_EXTENSION) && name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  if (dir)
    g_dir_close (dir);
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++) {
    char *path = g_build_filename (folder, names->pdata[i], NULL);
    FinderModel *m = finder_read (path);

    if (m)
      g_ptr_array_add (models, m);
    g_free (path);
  }
  g_ptr_array_unref (names);
}

GPtrArray *
finder_list (const char *own)
{
  GPtrArray *models = g_ptr_array_new_with_free_func ((GDestroyNotify) finder_free);
  GPtrArray *folders = folders_of (own);
  const char *env = g_getenv (FINDER_MODEL_ENV);
  FinderModel *m = env && *env ? finder_read (env) : NULL;

  if (m)
    g_ptr_array_add (models, m);
  for (guint i = 0; i < folders->len; i++)
    add_files (models, folders->pdata[i]);
  g_ptr_array_unref (folders);
  return models;
}

FinderModel *
finder_by_id (const char *own, const char *id)
{
  GPtrArray *models = finder_list (own);
  FinderModel *found = NULL;

  for (guint i = 0; i < models->len && !found; i++)
    if (g_str_equal (((FinderModel *) models->pdata[i])->id, id))
      found = g_ptr_array_steal_index (models, i);
  g_ptr_array_unref (models);
  return found;
}

/* --- Weights of the past ------------------------------------------------------- */

const char *
finder_retired (const char *id)
{
  static const struct { const char *id, *name; } past[] = {
    {"a90700a108090fbfa016c23294cdb7ac51a349ea4ce08c8d31594e37741727d1",
      "telucodec-te-16k of TeluCodec 0.3"},
    {"85ba9571aa65f3556e33cbd38232912294e799a0517263df05f7608909598dd3",
      "telucodec-te-16k of TeluCodec 0.2"},
    {"7a785427361472cdda08e62327259cead4f7d74c7f11d9d5bff57dd9d7c972e3",
      "telucodec-te-16k of TeluCodec 0.1"},
    {"d4149286b1263fc0872052ff98a6c127aaa4f6f6981ee3d6eb609a99f2503ba3",
      "telucodec-te-16k of TeluCodec 0.1"},
    {"ee2719f6bf8dbebb364c87668701a545be8166fdedc3d8cc8f8e82e4a9b41dbf",
      "telucodec-te-16k of TeluCodec 0.1"},
    {"b4977bcda655ad03ce6f83da22e70b48d6b8e3baf328e3602c3093f90162073c",
      "telucodec-te-16k of TeluCodec 0.1"},
    {"cf46bc0b5249889ec537668eeeeabdbe0b91b655173ed9a8945eb0e62b0756e1",
      "telucodec-te-16k of TeluCodec 0.1"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (past); i++)
    if (g_str_equal (past[i].id, id))
      return past[i].name;
  return NULL;
}
