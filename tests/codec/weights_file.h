/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights_file.h - weight files in the making, for tests of their reader. */
#ifndef WEIGHTS_FILE_H
#define WEIGHTS_FILE_H

#include "weights.h"

#include <glib.h>

/* A small network of odd sizes, and its config as it stands inside a JSON string. */
extern const struct telu_config weights_tiny;
#define WEIGHTS_TINY_CONFIG "{\\\"enc_width\\\":6,\\\"enc_blocks\\\":1,\\\"dec_width\\\":70," \
    "\\\"dec_blocks\\\":2,\\\"kernel\\\":3,\\\"expand\\\":2,\\\"latent\\\":5," \
    "\\\"stages\\\":3,\\\"codes\\\":8,\\\"dim\\\":[2,4,3],\\\"env_stages\\\":2}"

struct weights_file {
    GString *header;           /* with "MODEL_ID" where the id belongs */
    GByteArray *data;
    size_t *at;                /* of tensor i in data */
    struct telu_tensor *tensor;
    int count;
};

extern int weights_failures;

/* Prints both texts and counts a failure. */
void weights_fail(const char *what, const char *got);

/* Makes and removes the folder of weights_path(). _end() returns the exit status. */
void weights_begin(void);
int weights_end(void);

/* Returns the path of the one file that is written again and again. */
const char *weights_path(void);

/* Makes a file of cfg's tensors and that config; without data when !filled. */
struct weights_file weights_make(const struct telu_config *cfg, const char *config, int filled);
void weights_free(struct weights_file *f);

/* Returns the number of a tensor among `count`; exits where there is none. */
int weights_index(const struct telu_tensor *t, int count, const char *name);

/* Returns the id of the data, for g_free(), and all bytes, with the id in the header. */
char *weights_id(const struct weights_file *f);
GByteArray *weights_bytes(const struct weights_file *f);

/* Writes to weights_path(). */
void weights_write(const void *data, size_t n);

/* Count a failure unless that file, or bytes, or a file in the making, is refused with a text that
 * names it and holds `word`. name: of the case; "no file" and "version ..." have a status of their
 * own. */
void weights_refused(const char *name, const char *word);
void weights_bytes_refused(const char *name, const void *data, size_t n, const char *word);
void weights_file_refused(const char *name, const struct weights_file *f, const char *word);

#endif
