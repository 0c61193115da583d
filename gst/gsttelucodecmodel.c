/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecmodel.c - see gsttelucodecmodel.h. */
#include "gsttelucodecmodel.h"

#include "finder.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define GST_CAT_DEFAULT gst_telucodec_debug

struct _GstTelucodecModel
{
  struct telu_model *model;
  gchar *key;
  gchar *name;                  /* NULL: of the shipped weights */
  guint refs;
};

/* Models load under the lock, so that a second stream that starts at the same time waits
 * for the first one's model. */
static GMutex models_lock;
static GHashTable *models;      /* key -> GstTelucodecModel, not owned */

gboolean
gst_telucodec_in_build_tree (GstElement * element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  GstPlugin *plugin =
      factory ? gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory)) :
      NULL;
  gboolean found = FALSE;

  if (plugin && gst_plugin_get_filename (plugin)) {
    gchar *dir = g_path_get_dirname (gst_plugin_get_filename (plugin));
    gchar *full = g_canonicalize_filename (dir, NULL);

    found = g_str_equal (full, TELU_PLUGIN_BUILD_DIR);
    g_free (full);
    g_free (dir);
  }
  gst_clear_object (&plugin);
  return found;
}

/* Returns the plugin's own weights, NULL where none came with it. */
static const gchar *
own_path (GstElement * element)
{
  if (gst_telucodec_in_build_tree (element)
      && g_file_test (TELU_MODEL_BUILD, G_FILE_TEST_EXISTS))
    return TELU_MODEL_BUILD;
  return g_file_test (TELU_MODEL_INSTALLED, G_FILE_TEST_EXISTS) ? TELU_MODEL_INSTALLED : NULL;
}

gboolean
gst_telucodec_model_has_default (GstElement * element, const gchar * path)
{
  const gchar *env = g_getenv (GST_TELUCODEC_MODEL_ENV);

  return (path && *path) || (env && *env) || own_path (element);
}

/* Returns the path to load, and in origin the setting that names it, NULL for the
 * plugin's own weights. Returns NULL with an error posted. */
static gchar *
find_path (GstElement * element, const gchar * path, const gchar ** origin)
{
  const gchar *env = g_getenv (GST_TELUCODEC_MODEL_ENV), *own;
  gboolean build;

  *origin = NULL;
  if (path && *path) {
    *origin = GST_TELUCODEC_PROP_MODEL_PATH;
    return g_strdup (path);
  }
  if (env && *env) {
    *origin = GST_TELUCODEC_MODEL_ENV;
    return g_strdup (env);
  }

  own = own_path (element);
  if (own)
    return g_strdup (own);
  build = gst_telucodec_in_build_tree (element);
  GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
      ("No weight file: set the property " GST_TELUCODEC_PROP_MODEL_PATH
          " or the environment variable " GST_TELUCODEC_MODEL_ENV "."),
      ("also looked for %s%s" TELU_MODEL_INSTALLED,
          build ? TELU_MODEL_BUILD : "", build ? " and " : ""));
  return NULL;
}

/* Returns the name that caps tell, in UTF-8: NULL for that of the shipped weights. */
static gchar *
told_name (const gchar * path)
{
  gchar *name = finder_name (path), *told = NULL;

  if (!g_str_equal (name, GST_TELUCODEC_MODEL_SHIPPED))
    told = g_filename_display_name (name);
  g_free (name);
  return told;
}

/* Loads a model into the table. The caller holds models_lock. */
static GstTelucodecModel *
load (GstElement * element, const gchar * path, const gchar * key)
{
  struct telu_model *loaded = telu_model_open (path);
  GstTelucodecModel *model;

  if (!loaded) {
    GST_ELEMENT_ERROR (element, RESOURCE, READ,
        ("Weight file '%s' cannot be used: %s", path, telu_error ()), (NULL));
    return NULL;
  }

  model = g_new0 (GstTelucodecModel, 1);
  model->model = loaded;
  model->key = g_strdup (key);
  model->name = told_name (path);
  model->refs = 1;
  if (!models)
    models = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_insert (models, model->key, model);
  GST_INFO_OBJECT (element, "loaded %s, model id %s", path,
      telu_model_id (loaded));
  return model;
}

GstTelucodecModel *
gst_telucodec_model_acquire (GstElement * element, const gchar * path)
{
  GstTelucodecModel *model = NULL;
  const gchar *origin;
  gchar *found = find_path (element, path, &origin);
  gchar *full, *key;
  GStatBuf st;

  if (!found)
    return NULL;
  full = g_canonicalize_filename (found, NULL);
  g_free (found);

  if (g_stat (full, &st) < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      GST_ELEMENT_ERROR (element, RESOURCE, NOT_FOUND,
          ("Weight file '%s' does not exist: correct %s or unset it to use the "
              "weights that came with the plugin.", full,
              origin ? origin : "the installation"), (NULL));
    else
      GST_ELEMENT_ERROR (element, RESOURCE, OPEN_READ,
          ("Weight file '%s' cannot be opened: %s.", full, g_strerror (errno)),
          (NULL));
    g_free (full);
    return NULL;
  }
  /* Opening a pipe would block all streams until someone writes to it. */
  if (!S_ISREG (st.st_mode)) {
    GST_ELEMENT_ERROR (element, RESOURCE, READ,
        ("Weight file '%s' cannot be used: it is not a regular file.", full),
        (NULL));
    g_free (full);
    return NULL;
  }

  /* The key contains the file's time: a replaced file is another model. */
  key = g_strdup_printf ("%" G_GINT64_FORMAT ".%ld %" G_GINT64_FORMAT " %s",
      (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (gint64) st.st_size,
      full);

  g_mutex_lock (&models_lock);
  if (models)
    model = g_hash_table_lookup (models, key);
  if (model)
    model->refs++;
  else
    model = load (element, full, key);
  g_mutex_unlock (&models_lock);

  g_free (key);
  g_free (full);
  return model;
}

GstTelucodecModel *
gst_telucodec_model_find (GstElement * element, const gchar * id, const gchar * name)
{
  gchar *folder = g_path_get_dirname (gst_telucodec_in_build_tree (element) ?
      TELU_MODEL_BUILD : TELU_MODEL_INSTALLED);
  FinderModel *found = finder_by_id (folder, id);
  const gchar *retired = finder_retired (id);
  GstTelucodecModel *model = NULL;
  gchar *places;

  if (found) {
    GST_INFO_OBJECT (element, "the stream's weights are %s", found->path);
    model = gst_telucodec_model_acquire (element, found->path);
  } else if (retired) {
    GST_ELEMENT_ERROR (element, STREAM, FORMAT,
        ("The stream was made with the weights %s, %s, whose packets this version does not "
            "read: decode it with that one.", id, retired), (NULL));
  } else {
    places = finder_places (folder);
    GST_ELEMENT_ERROR (element, STREAM, FORMAT,
        ("The stream was made with the weights %s%s%s, which are not installed: looked in %s. "
            "\"telucodec models add FILE\" installs them; the property "
            GST_TELUCODEC_PROP_MODEL_PATH " names their file.", id, name ? ", named " : "",
            name ? name : "", places), (NULL));
    g_free (places);
  }
  finder_free (found);
  g_free (folder);
  return model;
}

void
gst_telucodec_model_refuse (GstElement * element, const gchar * id,
    const struct telu_model *given)
{
  GST_ELEMENT_ERROR (element, STREAM, FORMAT,
      ("The stream was made with the weights %s, but those of the property "
          GST_TELUCODEC_PROP_MODEL_PATH " are %s: set it to the weight file of the stream, or "
          "leave it unset to have that looked up.", id, telu_model_id (given)), (NULL));
}

const gchar *
gst_telucodec_model_name (GstTelucodecModel * model)
{
  return model->name;
}

const struct telu_model *
gst_telucodec_model_get (GstTelucodecModel * model)
{
  return model->model;
}

void
gst_telucodec_model_release (GstTelucodecModel * model)
{
  if (!model)
    return;

  g_mutex_lock (&models_lock);
  if (--model->refs > 0) {
    g_mutex_unlock (&models_lock);
    return;
  }
  g_hash_table_remove (models, model->key);
  if (g_hash_table_size (models) == 0)
    g_clear_pointer (&models, g_hash_table_unref);
  g_mutex_unlock (&models_lock);

  telu_model_close (model->model);
  g_free (model->key);
  g_free (model->name);
  g_free (model);
}
