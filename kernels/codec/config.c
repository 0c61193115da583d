/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.c - see config.h. */
#include "config.h"

#include "code.h"
#include "error.h"
#include "level.h"

#include <stdio.h>

const int telu_band_edge[TELU_BANDS + 1] = { TELU_BAND_EDGE_LIST };
const int telu_split_rate[TELU_SPLIT_RATES] = { TELU_SPLIT_RATE_LIST };

struct telu_config telu_config_default(void)
{
    struct telu_config c = {
        .enc_width = 256, .enc_blocks = 3, .dec_width = 320, .dec_blocks = 5,
        .kernel = 7, .expand = 2, .latent = 128, .stages = 16, .codes = 1024,
        .env_stages = 8,
    };

    /* A wide search pays in the first stages only. */
    for (int s = 0; s < c.stages; s++)
        c.dim[s] = s < 4 ? 32 : 8;
    return c;
}

static int in_range(const char *name, int value, int least, int most)
{
    if (value >= least && value <= most)
        return 0;
    return telu_fail("config: %s is %d, expected %d to %d", name, value, least,
                     most);
}

int telu_config_check(const struct telu_config *c)
{
#define FIELD(name, least, most) \
    if (in_range(#name, c->name, least, most)) \
        return -1;
#define ARRAY(name)
    TELU_CONFIG_FIELDS(FIELD, ARRAY)
#undef FIELD
#undef ARRAY
    if (c->codes & (c->codes - 1))
        return telu_fail("config: codes is %d, expected a power of two",
                         c->codes);
    for (int s = 0; s < c->stages; s++)
        if (in_range("dim", c->dim[s], 1, TELU_MAX_DIM))
            return -1;
    return 0;
}

int telu_postnet_config_check(const struct telu_postnet_config *p)
{
    return in_range("postnet width", p->width, 1, TELU_MAX_WIDTH) ||
           in_range("postnet blocks", p->blocks, 1, TELU_MAX_BLOCKS) ? -1 : 0;
}

struct walk {
    int (*fn)(void *user, const struct telu_tensor *t);
    void *user;
};

void telu_tensor_name(char *text, size_t size, const char *prefix, int index,
                      const char *name)
{
    if (index < 0)
        snprintf(text, size, "%s.%s", prefix, name);
    else
        snprintf(text, size, "%s.%d.%s", prefix, index, name);
}

static int tensor(const struct walk *w, const char *prefix, int index,
                  const char *name, enum telu_kind kind, enum telu_dtype dtype,
                  int a, int b, int c)
{
    struct telu_tensor t = { .kind = kind, .dtype = dtype, .shape = { a, b, c } };

    t.ndim = c > 1 ? 3 : b > 0 ? 2 : 1;
    t.shape[1] = b > 0 ? b : 1;
    t.shape[2] = c > 1 ? c : 1;
    t.decay = kind == TELU_WEIGHT && b > 0;
    telu_tensor_name(t.name, sizeof(t.name), prefix, index, name);
    return w->fn(w->user, &t);
}

/* A linear layer: matrix (out, in) and bias (out). */
static int linear(const struct walk *w, const char *prefix, int index,
                  const char *name, enum telu_dtype dtype, int out, int in)
{
    char full[16];
    int r;

    snprintf(full, sizeof(full), "%s.w", name);
    r = tensor(w, prefix, index, full, TELU_WEIGHT, dtype, out, in, 0);
    snprintf(full, sizeof(full), "%s.b", name);
    return r ? r : tensor(w, prefix, index, full, TELU_WEIGHT, TELU_F32, out, 0, 0);
}

static int vector(const struct walk *w, const char *prefix, int index,
                  const char *name, int n)
{
    return tensor(w, prefix, index, name, TELU_WEIGHT, TELU_F32, n, 0, 0);
}

static int block(const struct walk *w, const char *prefix, int index, int width,
                 const struct telu_config *c)
{
    int r = tensor(w, prefix, index, "dw.w", TELU_WEIGHT, TELU_F32, width,
                   c->kernel, 0);

    if (!r) r = vector(w, prefix, index, "dw.b", width);
    if (!r) r = vector(w, prefix, index, "norm.g", width);
    if (!r) r = vector(w, prefix, index, "norm.b", width);
    if (!r) r = linear(w, prefix, index, "up", TELU_BF16, c->expand * width, width);
    if (!r) r = linear(w, prefix, index, "down", TELU_BF16, width, c->expand * width);
    if (!r) r = vector(w, prefix, index, "scale", width);
    return r;
}

static int tables(const struct walk *w, const struct telu_config *c)
{
    int r = tensor(w, "tab", -1, "bias", TELU_TABLE, TELU_I16, TELU_BANDS, 0, 0);

    if (!r && c->env_stages)
        r = tensor(w, "tab", -1, "env", TELU_TABLE, TELU_I16, c->env_stages,
                   c->codes, TELU_BANDS);
    if (!r) r = tensor(w, "tab", -1, "gain", TELU_TABLE, TELU_U8,
                       c->stages + 1, TELU_BANDS, 0);
    if (!r) r = tensor(w, "tab", -1, "freq", TELU_TABLE, TELU_U16,
                       TELU_CONTEXTS, TELU_SYMBOLS, 0);
    if (!r) r = tensor(w, "tab", -1, "recon", TELU_TABLE, TELU_U8, 4, 0, 0);
    if (!r) r = tensor(w, "tab", -1, "shape", TELU_TABLE, TELU_U8, 4, 0, 0);
    if (!r) r = tensor(w, "tab", -1, "fill", TELU_TABLE, TELU_U8, 4, 0, 0);
    if (!r) r = tensor(w, "tab", -1, "split", TELU_TABLE, TELU_U8, 2,
                       TELU_SPLIT_RATES, 0);

    if (!r) r = tensor(w, "tab", -1, "tilt", TELU_TABLE, TELU_I16, 4, TELU_BANDS, 0);
    if (!r) r = tensor(w, "tab", -1, "level", TELU_TABLE, TELU_U16,
                       TELU_LEVEL_CONTEXTS, TELU_LEVEL_SYMBOLS, 0);
    if (!r) r = tensor(w, "tab", -1, "group", TELU_TABLE, TELU_U8, c->codes, 0, 0);
    if (!r) r = tensor(w, "tab", -1, "code", TELU_TABLE, TELU_U16,
                       TELU_CODE_ROWS(c->stages), c->codes, 0);
    if (!r) r = tensor(w, "tab", -1, "lambda", TELU_TABLE, TELU_F32, c->stages, 0, 0);
    return r;
}

int telu_config_tensors(const struct telu_config *c,
                        int (*fn)(void *user, const struct telu_tensor *t),
                        void *user)
{
    const struct walk walk = { fn, user }, *w = &walk;
    int r = linear(w, "enc", -1, "in", TELU_BF16, c->enc_width, TELU_FEATURES);

    for (int i = 0; !r && i < c->enc_blocks; i++)
        r = block(w, "enc", i, c->enc_width, c);
    if (!r) r = linear(w, "enc", -1, "out", TELU_BF16, c->latent, c->enc_width);

    for (int s = 0; !r && s < c->stages; s++) {
        r = linear(w, "vq", s, "in", TELU_F32, c->dim[s], c->latent);
        if (!r) r = linear(w, "vq", s, "out", TELU_F32, c->latent, c->dim[s]);
        if (!r) r = tensor(w, "vq", s, "book", TELU_CODEBOOK, TELU_F32,
                           c->codes, c->dim[s], 0);
    }

    if (!r) r = linear(w, "dec", -1, "in", TELU_BF16, c->dec_width, c->latent);
    for (int i = 0; !r && i < c->dec_blocks; i++)
        r = block(w, "dec", i, c->dec_width, c);
    if (!r) r = linear(w, "dec", -1, "value", TELU_BF16, TELU_COEFS, c->dec_width);
    if (!r) r = linear(w, "dec", -1, "scale", TELU_BF16, TELU_COEFS, c->dec_width);
    return r ? r : tables(w, c);
}

int telu_postnet_tensors(const struct telu_config *c, const struct telu_postnet_config *p,
                         int (*fn)(void *user, const struct telu_tensor *t), void *user)
{
    const struct walk walk = { fn, user }, *w = &walk;
    int r;

    if (!p->blocks)
        return 0;
    r = linear(w, "post", -1, "in", TELU_BF16, p->width, TELU_POSTNET_FEATURES);
    for (int i = 0; !r && i < p->blocks; i++)
        r = block(w, "post", i, p->width, c);
    return r ? r : linear(w, "post", -1, "out", TELU_BF16, TELU_POSTNET_OUTPUTS, p->width);
}
