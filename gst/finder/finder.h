/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finder.h - weight files by the id that a stream asks for. The program and the elements look into
 * the same folders, in this order: those of the environment variable TELUCODEC_MODEL_PATH, the
 * user's data folder, the folder that belongs to the program or plugin, the system's data folders.
 * The file of TELUCODEC_MODEL comes before all. */
#ifndef TELUCODEC_FINDER_H
#define TELUCODEC_FINDER_H

#include <glib.h>

G_BEGIN_DECLS

#define FINDER_MODEL_ENV "TELUCODEC_MODEL"
#define FINDER_PATH_ENV "TELUCODEC_MODEL_PATH"
#define FINDER_EXTENSION ".safetensors"

typedef struct
{
  char *path, *name;            /* of the file; finder_name() */
  char *id;                     /* telu_model_id(), as the file's head claims */
  char *version, *language, *licence, *training;        /* NULL: not told */
} FinderModel;

/* Returns the name of a weight file, without folder and extension, in the file system's encoding;
 * to be freed. */
char *finder_name (const char *path);

/* Reads the head of a weight file, at most a megabyte. Returns NULL when it is none. */
FinderModel *finder_read (const char *path);
void finder_free (FinderModel * m);

/* Returns the user's folder, which may not exist; to be freed. */
char *finder_user_folder (void);

/* Lists all weight files, the ones that count first. `own`: the folder that belongs to the caller,
 * or NULL. To be unreffed. Reads the folders each time: weights may have been added. */
GPtrArray *finder_list (const char *own);

/* Returns the weights of an id, to be freed by finder_free(), or NULL. */
FinderModel *finder_by_id (const char *own, const char *id);

/* Returns the names of the folders, with commas between; to be freed. */
char *finder_places (const char *own);

/* Returns the name of shipped weights whose packets this version does not read: the message about
 * an id that is not found names them. NULL for any other id. */
const char *finder_retired (const char *id);

G_END_DECLS
#endif
