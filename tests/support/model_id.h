/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model_id.h - reads the id of the weights that a training run has written. */
#ifndef MODEL_ID_H
#define MODEL_ID_H

#include <glib.h>

/* Returns the id of dir/runs/NAME/model.safetensors, for g_free(); NULL if there is none. */
static char *model_id(const char *folder, const char *name)
{
    char *path = g_build_filename(folder, "runs", name, "model.safetensors", NULL);
    char *bytes = NULL, *at = NULL, *id = NULL;
    gsize n;

    if (g_file_get_contents(path, &bytes, &n, NULL))
        at = g_strstr_len(bytes + 8, (gssize)n - 8, "\"model_id\":\"");
    if (at)
        id = g_strndup(at + 12, 64);
    g_free(bytes);
    g_free(path);
    return id;
}

#endif
