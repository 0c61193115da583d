/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* init.h - turns a weight file back into a network that can be trained. */
#ifndef INIT_H
#define INIT_H

#include "model.h"

/* Returns the path of a weight file, for g_free(): name itself if there is such a file,
 * else a shipped one. Exits when there is none. */
char *init_find(const char *name);

/* Returns the sizes of the file's network; exits with the reason when it cannot be read. */
struct telu_config init_config(const char *path);

/* Loads weights and codebooks from path, which has m's sizes. `rows`: the rows of a
 * batch, for the first weight of each code in the running means. */
void init_load(struct model *m, const char *path, int rows);

/* Loads the post-network of path into p. Returns 0, or -1 when path has none of these sizes. */
int init_postnet(struct params *p, const struct telu_postnet_config *post, const char *path);

/* Returns 1 when the file has a post-network. */
int init_has_postnet(const char *path);

#endif
