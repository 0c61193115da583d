/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* init.h - from a weight file back to a network that can be trained. */
#ifndef INIT_H
#define INIT_H

#include "model.h"

/* The path of a weight file: name itself where there is such a file, else one of the
 * shipped ones. For g_free(); exits when there is none. */
char *init_find(const char *name);

/* The sizes of its network; exits with the reason when it cannot be read. */
struct telu_config init_config(const char *path);

/* Weights and codebooks of path, which has m's sizes. `rows`: of a batch, as the
 * weight of a code that the running means begin with. */
void init_load(struct model *m, const char *path, int rows);

#endif
