/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_model.h - the model of the targets that code: as small as its parts allow, for speed. */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz.h"
#include "tiny_model.h"

static inline struct telu_model *fuzz_model(void)
{
    struct telu_config cfg = {
        .enc_width = 8, .enc_blocks = 1, .dec_width = 8, .dec_blocks = 2, .kernel = 3,
        .expand = 1, .latent = 4, .stages = 6, .codes = 16, .dim = { 2, 2, 2, 2, 2, 2 },
        .env_stages = 3,
    };
    const struct telu_postnet_config post = { 8, 1 };
    struct telu_model *m = tiny_model_postnet(&cfg, &post, 5);

    promise(m != NULL, telu_error(), 0);
    return m;
}

#endif
