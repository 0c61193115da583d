/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* models.c - weight files, by name and by the id that a stream asks for. */
#include "program.h"

#include "tlc.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

/* Returns the folder that belongs to this program, to be freed: that of the same source tree or
 * installation. */
static char *
own_folder (void)
{
  char *self = setup_folder (), *own = NULL;

  if (self && g_str_equal (self, TELU_PROGRAM_BUILD_DIR))
    own = g_strdup (TELU_MODELS_BUILD);
  else if (self)
    own = g_canonicalize_filename ("../" TELU_DATADIR "/telucodec", self);
  g_free (self);
  return own;
}

GPtrArray *
models_list (void)
{
  char *own = own_folder ();
  GPtrArray *models = finder_list (own);

  g_free (own);
  return models;
}

char *
models_places (void)
{
  char *own = own_folder (), *text = finder_places (own);

  g_free (own);
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
