/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finish.h - from a trained network to a weight file: codebooks in tree order,
 * integer tables fitted to the speech, one safetensors file. */
#ifndef FINISH_H
#define FINISH_H

#include "dataset.h"
#include "model.h"

/* Writes path, and prints what the whole codec does on `valid`. m itself keeps its
 * order, so that training can go on. Exits with the reason when it cannot. */
void finish(const struct model *m, const struct dataset *train,
            const struct dataset *valid, const char *path);

#endif
