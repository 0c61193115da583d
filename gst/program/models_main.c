/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* models_main.c - telucodec models: lists weight files, and installs one for the user. */
#include "program.h"

#include "telu.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static const char *
told (const char *text)
{
  return text ? text : "not told";
}

static void
print (const Model * m, gboolean hidden)
{
  GDateTime *time = NULL;
  GStatBuf st;
  char *date, *size;

  if (g_stat (m->path, &st) < 0)
    return;
  time = g_date_time_new_from_unix_local (st.st_mtime);
  date = g_date_time_format (time, "%Y-%m-%d");
  size = say_bytes (st.st_size);
  g_print ("%s%s\n  id         %s\n  version    %s\n  language   %s\n  licence    %s\n"
      "  sound      %d Hz, mono\n  file       %s, %s, %s\n", m->name,
      hidden ? " (the same as weights above)" : "", m->id, told (m->version), told (m->language),
      told (m->licence), TELU_RATE, m->path, size, date);
  g_free (size);
  g_free (date);
  g_date_time_unref (time);
}

static void
print_json (const Model * m, gboolean first)
{
  GStatBuf st = { 0 };

  g_stat (m->path, &st);
  g_print ("%s", first ? "" : ",\n");
  say_json ("  {\"name\": ", m->name);
  say_json (", \"id\": ", m->id);
  say_json (", \"version\": ", m->version);
  say_json (", \"language\": ", m->language);
  say_json (", \"licence\": ", m->licence);
  say_json (", \"training\": ", m->training);
  say_json (", \"file\": ", m->path);
  g_print (", \"rate\": %d, \"bytes\": %" G_GINT64_FORMAT ", \"date\": %" G_GINT64_FORMAT "}",
      TELU_RATE, (gint64) st.st_size, (gint64) st.st_mtime);
}

static int
list (gboolean json)
{
  GPtrArray *models = models_list ();
  GHashTable *ids = g_hash_table_new (g_str_hash, g_str_equal);
  char *places = models_places ();

  if (json)
    g_print ("[\n");
  for (guint i = 0; i < models->len; i++) {
    const Model *m = models->pdata[i];

    if (json)
      print_json (m, i == 0);
    else
      print (m, !g_hash_table_add (ids, m->id));
  }
  if (json)
    g_print ("\n]\n");
  if (models->len == 0)
    say ("no weights are installed; looked in %s", places);
  g_free (places);
  g_hash_table_unref (ids);
  g_ptr_array_unref (models);
  return DONE_ALL;
}

/* Copies a weight file into the user's folder, whole or not at all. */
static int
add (const char *path, const char *as, gboolean force)
{
  struct telu_model *model = telu_model_open (path);
  char *folder = finder_user_folder (), *to;
  char *name = as ? g_strdup (as) : g_path_get_basename (path);
  GError *error = NULL;
  char *bytes;
  gsize size;
  int code = DONE_SOME;

  if (!g_str_has_suffix (name, FINDER_EXTENSION)) {
    to = g_strconcat (name, FINDER_EXTENSION, NULL);
    g_free (name);
    name = to;
  }
  to = g_build_filename (folder, name, NULL);
  if (!model)
    say ("%s: %s", path, telu_error ());
  else if (!force && g_file_test (to, G_FILE_TEST_EXISTS))
    say ("%s is there already: -f overwrites it", to);
  else if (g_mkdir_with_parents (folder, 0777) < 0)
    say ("%s cannot be made: %s", folder, g_strerror (errno));
  else if (!g_file_get_contents (path, &bytes, &size, &error))
    say ("%s", error->message);
  else {
    if (!output_bytes (to, bytes, size, &error)) {
      say ("%s", error->message);
    } else {
      g_print ("%s\n  id         %s\n", to, telu_model_id (model));
      code = DONE_ALL;
    }
    g_free (bytes);
  }
  g_clear_error (&error);
  telu_model_close (model);
  g_free (to);
  g_free (name);
  g_free (folder);
  return code;
}

int
models_main (int argc, char **argv)
{
  gboolean force = FALSE, json = FALSE;
  const GOptionEntry entries[] = {
    {"force", 'f', 0, G_OPTION_ARG_NONE, &force, "Overwrite weights of the same name", NULL},
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print a JSON array, an object a file", NULL},
    {NULL}
  };

  if (!options_parse (&argc, &argv, entries, "[add FILE [NAME]]",
          "Lists the weights that are installed, or installs a weight file for this user.",
          "  telucodec models add runs/mine/model.safetensors mine\n\n"
          "Weights are looked up by the id that a .tlc file holds: in the folders of\n"
          "TELUCODEC_MODEL_PATH, in the user's data folder (~/.local/share/telucodec), in the\n"
          "system's. encode -m takes a name, the first digits of an id, or a file."))
    return DONE_USAGE;
  if (argc == 1)
    return list (json);
  if ((argc != 3 && argc != 4) || strcmp (argv[1], "add"))
    return options_wrong ("expected no word, or add and a file");
  if (argc == 4 && (!*argv[3] || *argv[3] == '.' || strchr (argv[3], '/')))
    return options_wrong ("the name is %s, expected one without / and . at its head", argv[3]);
  return add (argv[2], argc == 4 ? argv[3] : NULL, force);
}
