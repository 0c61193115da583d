/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* models.c - weight files, by name and by the id that a stream asks for. */
#include "program.h"

#include "json.h"
#include "tlc.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define EXTENSION ".safetensors"
#define MOST_HEADER (1 << 20)

static void
model_free (gpointer data)
{
  Model *m = data;

  g_free (m->path);
  g_free (m->name);
  g_free (m->id);
  g_free (m->version);
  g_free (m->licence);
  g_free (m->training);
  g_free (m);
}

Model *
models_read (const char *path)
{
  FILE *file = g_fopen (path, "rb");
  guint8 length[8];
  guint64 size = 0;
  char *text = NULL;
  struct telu_json_doc doc;
  Model *m = NULL;

  if (file && fread (length, 1, 8, file) == 8)
    size = GST_READ_UINT64_LE (length);
  if (size > 0 && size <= MOST_HEADER) {
    text = g_malloc (size);
    if (fread (text, 1, size, file) == size && telu_json_parse (&doc, path, text, size) == 0) {
      const struct telu_json *meta = telu_json_member (doc.node, "__metadata__");
      const char *id = telu_json_string (telu_json_member (meta, "model_id"));

      if (id && g_strcmp0 (telu_json_string (telu_json_member (meta, "format")),
              "telucodec") == 0) {
        m = g_new0 (Model, 1);
        m->path = g_strdup (path);
        m->name = g_path_get_basename (path);
        if (g_str_has_suffix (m->name, EXTENSION))
          m->name[strlen (m->name) - strlen (EXTENSION)] = '\0';
        m->id = g_strdup (id);
        m->version = g_strdup (telu_json_string (telu_json_member (meta, "version")));
        m->licence = g_strdup (telu_json_string (telu_json_member (meta, "licence")));
        m->training = g_strdup (telu_json_string (telu_json_member (meta, "training")));
      }
      telu_json_free (&doc);
    }
  }
  g_free (text);
  if (file)
    fclose (file);
  return m;
}

static void
add_folder (GPtrArray * folders, char *folder)
{
  if (folder && *folder && !g_ptr_array_find_with_equal_func (folders, folder, g_str_equal, NULL))
    g_ptr_array_add (folders, folder);
  else
    g_free (folder);
}

char *
models_user_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "telucodec", NULL);
}

/* Lists the folders to look into, the first one first. */
static GPtrArray *
folders_of (void)
{
  GPtrArray *folders = g_ptr_array_new_with_free_func (g_free);
  const char *path = g_getenv ("TELUCODEC_MODEL_PATH");
  char **list = g_strsplit (path ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);
  char *self = setup_folder ();

  for (char **f = list; *f; f++)
    add_folder (folders, g_strdup (*f));
  g_strfreev (list);
  add_folder (folders, models_user_folder ());
  if (self && g_str_equal (self, TELU_PROGRAM_BUILD_DIR))
    add_folder (folders, g_strdup (TELU_MODELS_BUILD));
  else if (self)
    add_folder (folders, g_canonicalize_filename ("../" TELU_DATADIR "/telucodec", self));
  for (const char *const *dir = g_get_system_data_dirs (); *dir; dir++)
    add_folder (folders, g_build_filename (*dir, "telucodec", NULL));
  g_free (self);
  return folders;
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
    if (g_str_has_suffix (name, EXTENSION) && name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  if (dir)
    g_dir_close (dir);
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++) {
    char *path = g_build_filename (folder, names->pdata[i], NULL);
    Model *m = models_read (path);

    if (m)
      g_ptr_array_add (models, m);
    g_free (path);
  }
  g_ptr_array_unref (names);
}

GPtrArray *
models_list (void)
{
  GPtrArray *models = g_ptr_array_new_with_free_func (model_free), *folders = folders_of ();
  const char *env = g_getenv ("TELUCODEC_MODEL");
  Model *m = env && *env ? models_read (env) : NULL;

  if (m)
    g_ptr_array_add (models, m);
  for (guint i = 0; i < folders->len; i++)
    add_files (models, folders->pdata[i]);
  g_ptr_array_unref (folders);
  return models;
}

char *
models_places (void)
{
  GPtrArray *folders = folders_of ();
  char *text;

  g_ptr_array_add (folders, NULL);
  text = g_strjoinv (", ", (char **) folders->pdata);
  g_ptr_array_unref (folders);
  return text;
}

/* Returns all models; read once, for any thread. */
static GPtrArray *
known (void)
{
  static GMutex lock;
  static GPtrArray *list;
  GPtrArray *models;

  g_mutex_lock (&lock);
  if (!list)
    list = models_list ();
  models = list;
  g_mutex_unlock (&lock);
  return models;
}

const Model *
models_by_id (const char *id)
{
  GPtrArray *models = known ();

  for (guint i = 0; i < models->len; i++) {
    const Model *m = models->pdata[i];

    if (g_str_equal (m->id, id))
      return m;
  }
  return NULL;
}

const char *
models_find (const char *name)
{
  GPtrArray *models = known ();
  char *places;

  if (!name || g_file_test (name, G_FILE_TEST_IS_REGULAR))
    return name;
  for (guint i = 0; i < models->len; i++) {
    const Model *m = models->pdata[i];

    if (g_str_equal (m->name, name) || (strlen (name) >= 8 && g_str_has_prefix (m->id, name)))
      return m->path;
  }
  places = models_places ();
  options_wrong ("-m is %s, neither a file nor the name or id of weights in %s", name, places);
  g_free (places);
  return NULL;
}

char *
models_id_of (const char *path)
{
  guint8 head[TLC_HEADER_SIZE];
  FILE *file = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_fopen (path, "rb") : NULL;
  const gsize n = file ? fread (head, 1, sizeof (head), file) : 0;
  char why[TLC_WHY], *id = NULL;
  TlcHeader header;

  if (file)
    fclose (file);
  if (n == sizeof (head) && tlc_header_read (&header, head, n, why) == TLC_OK) {
    gboolean told = FALSE;

    id = g_malloc (65);
    for (int i = 0; i < 32; i++) {
      told |= header.model_id[i] != 0;
      g_snprintf (id + 2 * i, 3, "%02x", header.model_id[i]);
    }
    if (!told)
      g_clear_pointer (&id, g_free);
  }
  return id;
}
