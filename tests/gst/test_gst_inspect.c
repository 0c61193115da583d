/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_inspect.c - compares the elements' interface with gst-inspect.txt: names, ranks,
 * caps, properties. Each element and property has a block of documentation in the sources, which
 * tells since when. This program prints the file with --print, after an intended change. */
#include <gst/gst.h>

#include <stdio.h>
#include <string.h>

static void
add_flags (GString * out, GParamFlags flags)
{
  g_string_append_printf (out, " %s%s",
      flags & G_PARAM_READABLE ? "r" : "", flags & G_PARAM_WRITABLE ? "w" : "");
  if (flags & GST_PARAM_MUTABLE_READY)
    g_string_append (out, " ready");
  if (flags & GST_PARAM_MUTABLE_PLAYING)
    g_string_append (out, " playing");
}

static void
add_property (GString * out, GParamSpec * spec)
{
  const GValue *value = g_param_spec_get_default_value (spec);
  gchar *text = G_IS_PARAM_SPEC_BOXED (spec) ? NULL : gst_value_serialize (value);

  g_string_append_printf (out, "  property %s %s", spec->name,
      g_type_name (spec->value_type));
  if (G_IS_PARAM_SPEC_INT (spec))
    g_string_append_printf (out, " [%d, %d]", G_PARAM_SPEC_INT (spec)->minimum,
        G_PARAM_SPEC_INT (spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT (spec))
    g_string_append_printf (out, " [%u, %u]", G_PARAM_SPEC_UINT (spec)->minimum,
        G_PARAM_SPEC_UINT (spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT64 (spec))
    g_string_append_printf (out, " [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
        "]", G_PARAM_SPEC_UINT64 (spec)->minimum,
        G_PARAM_SPEC_UINT64 (spec)->maximum);
  if (text)
    g_string_append_printf (out, " = %s", text);
  add_flags (out, spec->flags);
  g_string_append_c (out, '\n');
  if (G_IS_PARAM_SPEC_ENUM (spec)) {
    const GEnumClass *values = G_PARAM_SPEC_ENUM (spec)->enum_class;

    for (guint i = 0; i < values->n_values; i++)
      g_string_append_printf (out, "    %d %s\n", values->values[i].value,
          values->values[i].value_nick);
  }
  g_free (text);
}

static void
add_element (GString * out, const gchar * name)
{
  GstElementFactory *factory = gst_element_factory_find (name);
  GstElement *element =
      factory ? gst_element_factory_create (factory, NULL) : NULL;
  static const gchar *const pads[] = { "sink", "src" };
  GParamSpec **specs;
  guint n;

  if (!element) {
    g_string_append_printf (out, "%s is missing\n", name);
    return;
  }
  g_string_append_printf (out, "%s %s\n  %s\n  rank %u\n", name,
      G_OBJECT_TYPE_NAME (element), gst_element_factory_get_metadata (factory,
          GST_ELEMENT_METADATA_KLASS),
      gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (factory)));

  if (GST_IS_PRESET (element))
    g_string_append (out, "  is a GstPreset\n");
  if (GST_IS_TAG_SETTER (element))
    g_string_append (out, "  is a GstTagSetter\n");

  for (guint i = 0; i < G_N_ELEMENTS (pads); i++) {
    GstPad *pad = gst_element_get_static_pad (element, pads[i]);
    GstCaps *caps = gst_pad_get_pad_template_caps (pad);
    gchar *text = gst_caps_to_string (caps);

    g_string_append_printf (out, "  pad %s: %s\n", pads[i], text);
    g_free (text);
    gst_object_unref (pad);
    gst_caps_unref (caps);
  }

  /* Properties of the base classes are left out, since they may change. */
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++)
    if (specs[i]->owner_type == G_OBJECT_TYPE (element))
      add_property (out, specs[i]);
  g_free (specs);
  gst_object_unref (element);
  gst_object_unref (factory);
}

/* Appends all C sources of a folder. */
static void
read_sources (GString * out, const gchar * folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    gchar *path = g_build_filename (folder, name, NULL), *text = NULL;

    if (g_str_has_suffix (name, ".c") && g_file_get_contents (path, &text, NULL, NULL))
      g_string_append (out, text);
    g_free (text);
    g_free (path);
  }
  if (dir)
    g_dir_close (dir);
}

/* Returns 1 and says so unless a block begins with that line and tells since when. */
static guint
is_bare (const gchar * sources, gchar * line)
{
  const gchar *at = strstr (sources, line), *end = at ? strstr (at, "*/") : NULL;
  const gboolean told = end && g_strstr_len (at, end - at, "* Since: ");

  if (!told)
    printf ("no block with \"Since:\" in the sources begins with \"%s\"\n", line);
  g_free (line);
  return !told;
}

/* Counts what has no documentation among an element and its properties. */
static guint
count_bare (const gchar * sources, const gchar * name)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  GParamSpec **specs;
  guint n, bare;

  if (!element)
    return 1;
  bare = is_bare (sources, g_strdup_printf ("* SECTION:element-%s\n", name));
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++)
    if (specs[i]->owner_type == G_OBJECT_TYPE (element))
      bare += is_bare (sources, g_strdup_printf ("/**\n   * %s:%s:\n",
              G_OBJECT_TYPE_NAME (element), specs[i]->name));
  g_free (specs);
  gst_object_unref (element);
  return bare;
}

int
main (int argc, char **argv)
{
  static const gchar *const names[] = {
    "telucodecenc", "telucodecdec", "telucodecmux", "telucodecparse",
    "rtptelucodecpay", "rtptelucodecdepay", "telucodectransrate"
  };
  GString *out = g_string_new (NULL), *sources = g_string_new (NULL);
  gchar *want = NULL, **got_lines, **want_lines;
  guint failed = 0;

  gst_init (&argc, &argv);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    add_element (out, names[i]);
  if (argc == 2 && strcmp (argv[1], "--print") == 0) {
    fputs (out->str, stdout);
    g_string_free (out, TRUE);
    g_string_free (sources, TRUE);
    return 0;
  }
  if (argc != 3 || !g_file_get_contents (argv[1], &want, NULL, NULL)) {
    printf ("usage: test_gst_inspect gst-inspect.txt SOURCES | --print\n");
    return 1;
  }

  got_lines = g_strsplit (out->str, "\n", -1);
  want_lines = g_strsplit (want, "\n", -1);
  for (guint i = 0; got_lines[i] || want_lines[i]; i++) {
    if (got_lines[i] && want_lines[i] && strcmp (got_lines[i], want_lines[i]) == 0)
      continue;
    printf ("line %u: \"%s\", expected \"%s\"\n", i + 1,
        got_lines[i] ? got_lines[i] : "", want_lines[i] ? want_lines[i] : "");
    failed++;
    break;
  }
  read_sources (sources, argv[2]);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    failed += count_bare (sources->str, names[i]);
  printf ("gst_inspect: %s\n", failed ? "failed" : "ok");
  g_string_free (sources, TRUE);
  g_strfreev (got_lines);
  g_strfreev (want_lines);
  g_free (want);
  g_string_free (out, TRUE);
  return failed > 0;
}
