/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c - builds a model from tensors' bytes: one arena, derived tables. */
#include "weights.h"

#include "code.h"
#include "error.h"
#include "float_modes.h"
#include "level.h"
#include "linear8.h"
#include "nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64

/* --- Layout ------------------------------------------------------------- */

struct build {
    const struct telu_tensor *t;
    const struct telu_blob *blob;
    void **at;                 /* place of tensor i in the arena; of a matrix, its packed weights */
    void **scale;              /* and the scales of its outputs */
    int count;
    char *base;                /* NULL: only count the bytes */
    size_t used;
};

static void *take(struct build *b, size_t bytes)
{
    void *at = b->base ? b->base + b->used : NULL;

    b->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

/* Returns whether a tensor is a layer's matrix, as floats or as integers. */
static int is_matrix(const struct telu_tensor *t)
{
    return t->dtype == TELU_BF16 || t->dtype == TELU_I8;
}

/* Places the tensors. */
static void place(struct build *b)
{
    for (int i = 0; i < b->count; i++) {
        const struct telu_tensor *t = &b->t[i];

        if (!is_matrix(t)) {
            b->at[i] = take(b, telu_tensor_bytes(t));
            continue;
        }
        b->at[i] = take(b, telu_linear8_bytes(t->shape[1], t->shape[0]));
        b->scale[i] = take(b, t->shape[0] * sizeof(float));
        if (t->dtype == TELU_I8) {             /* the next tensor */
            i++;
            b->at[i] = b->scale[i - 1];
        }
    }
}

/* Copies a tensor through aligned memory: packing needs aligned numbers, files promise none. */
static int copy(struct build *b, int i)
{
    const struct telu_tensor *t = &b->t[i];

    if (!is_matrix(t)) {
        memcpy(b->at[i], b->blob[i].data, b->blob[i].bytes);
        return 0;
    }
    if (t->dtype == TELU_I8) {
        telu_linear8_place(b->at[i], b->blob[i].data, t->shape[1], t->shape[0]);
        return 0;
    }

    uint16_t *aligned = malloc(b->blob[i].bytes);

    if (!aligned)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for tensor %s", t->name);
    memcpy(aligned, b->blob[i].data, b->blob[i].bytes);
    telu_linear8_pack(b->at[i], b->scale[i], aligned, t->shape[1], t->shape[0]);
    free(aligned);
    return 0;
}

static int find(const struct build *b, const char *layer, const char *part)
{
    const size_t n = strlen(layer);

    for (int i = 0; i < b->count; i++)
        if (!strncmp(b->t[i].name, layer, n) && b->t[i].name[n] == '.' &&
            !strcmp(b->t[i].name + n + 1, part))
            return i;
    return -1;
}

static const void *get(const struct build *b, const char *layer, const char *part)
{
    const int i = find(b, layer, part);

    return i < 0 ? NULL : b->at[i];
}

static struct telu_linear8 linear8(const struct build *b, const char *layer, const char *w,
                                   const char *bias)
{
    const int i = find(b, layer, w);

    return (struct telu_linear8){
        .w = b->at[i], .s = b->scale[i], .b = get(b, layer, bias),
        .I = b->t[i].shape[1], .O = b->t[i].shape[0],
    };
}

static void connect_blocks(const struct build *b, struct telu_block *block,
                           const char *net, int count)
{
    for (int i = 0; i < count; i++, block++) {
        char p[16];

        snprintf(p, sizeof(p), "%s.%d", net, i);
        block->dw = get(b, p, "dw.w");
        block->dwb = get(b, p, "dw.b");
        block->g = get(b, p, "norm.g");
        block->nb = get(b, p, "norm.b");
        block->up = linear8(b, p, "up.w", "up.b");
        block->down = linear8(b, p, "down.w", "down.b");
        block->scale = get(b, p, "scale");
    }
}

static void connect(const struct build *b, struct telu_model *m)
{
    m->enc_in = linear8(b, "enc", "in.w", "in.b");
    m->enc_out = linear8(b, "enc", "out.w", "out.b");
    m->dec_in = linear8(b, "dec", "in.w", "in.b");
    m->dec_value = linear8(b, "dec", "value.w", "value.b");
    m->dec_scale = linear8(b, "dec", "scale.w", "scale.b");
    connect_blocks(b, m->enc, "enc", m->cfg.enc_blocks);
    connect_blocks(b, m->dec, "dec", m->cfg.dec_blocks);
    if (m->post.blocks) {
        m->post_in = linear8(b, "post", "in.w", "in.b");
        m->post_out = linear8(b, "post", "out.w", "out.b");
        connect_blocks(b, m->post_block, "post", m->post.blocks);
    }

    for (int s = 0; s < m->cfg.stages; s++) {
        struct telu_stage *v = &m->vq[s];
        char p[16];

        snprintf(p, sizeof(p), "vq.%d", s);
        v->dim = m->cfg.dim[s];
        v->in = get(b, p, "in.w");
        v->inb = get(b, p, "in.b");
        v->out = get(b, p, "out.w");
        v->outb = get(b, p, "out.b");
        v->book = get(b, p, "book");
    }

    m->tab.env_stages = m->cfg.env_stages;
    m->tab.codes = m->cfg.codes;
    m->tab.bias = get(b, "tab", "bias");
    m->tab.env = get(b, "tab", "env");
    m->tab.gain = get(b, "tab", "gain");
    m->tab.freq = get(b, "tab", "freq");
    m->tab.recon = get(b, "tab", "recon");
    m->tab.shape = get(b, "tab", "shape");
    m->tab.fill = get(b, "tab", "fill");
    m->tab.split = get(b, "tab", "split");
    m->tab.tilt = get(b, "tab", "tilt");
    m->tab.level = get(b, "tab", "level");
    m->tab.group = get(b, "tab", "group");
    m->tab.code = get(b, "tab", "code");
}

/* --- Derived tables: while bytes are only counted there is none ---------- */

/* Writes t (columns, rows) = x (rows, columns). */
static void transpose(float *t, const float *x, int rows, int columns)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            t[(size_t)c * rows + r] = *x++;
}

static const float *transposed(struct build *b, const float *x, int rows, int columns)
{
    float *t = take(b, (size_t)rows * columns * sizeof(*t));

    if (t)
        transpose(t, x, rows, columns);
    return t;
}

static void derive_blocks(struct build *b, struct telu_block *block, int count, int width,
                          int kernel)
{
    for (int i = 0; i < count; i++)
        block[i].tdw = transposed(b, block[i].dw, width, kernel);
}

static const float *tiles_of(struct build *b, const float *book, int codes, int D)
{
    float *tiles = take(b, (size_t)codes * D * sizeof(*tiles));

    for (int c = 0, tile = TELU_NEAREST_TILE; tiles && c < codes; c += tile)
        transpose(tiles + (size_t)c * D, book + (size_t)c * D,
                  codes - c < tile ? codes - c : tile, D);
    return tiles;
}

/* The sums go in order of the index (FORMAT.md), so every machine gets the same bits. */
static const float *tree_of(struct build *b, const float *book, int n, int D)
{
    const int codes = 1 << n;
    float *tree = take(b, 2 * (size_t)codes * D * sizeof(*tree));

    for (int k = 0; tree && k <= n; k++) {
        const int under = codes >> k;

        for (int p = 0; p < 1 << k; p++)
            for (int d = 0; d < D; d++) {
                float sum = 0.0f;

                for (int c = p * under; c < (p + 1) * under; c++)
                    sum += book[c * D + d];
                tree[((1 << k) + p) * D + d] = sum / (float)under;
            }
    }
    return tree;
}

static void derive_stage(struct build *b, struct telu_stage *v, int n, int latent)
{
    v->tin = transposed(b, v->in, v->dim, latent);
    v->tout = transposed(b, v->out, latent, v->dim);
    v->tbook = transposed(b, v->book, 1 << n, v->dim);
    v->tiles = tiles_of(b, v->book, 1 << n, v->dim);
    v->tree = tree_of(b, v->book, n, v->dim);
}

/* rows of n frequencies -> rows of n + 1 sums, from 0 */
static const uint16_t *cumul_of(struct build *b, const uint16_t *f, int rows, int n)
{
    uint16_t *cumul = take(b, sizeof(*cumul) * rows * (n + 1)), *c = cumul;

    for (int r = 0; c && r < rows; r++, c += n + 1)
        for (int i = 0; i < n; i++)
            c[i + 1] = c[i] + *f++;
    return cumul;
}

/* Every version of the search adds the same floats, so they agree on the code. */
static const float *bias_of(struct build *b, const uint16_t *f, const float *lambda, int stages,
                            int codes)
{
    const int rows = TELU_CODE_ROWS(stages);
    float *bias = take(b, sizeof(*bias) * rows * codes);

    for (int r = 0; bias && r < rows; r++)
        for (int c = 0; c < codes; c++)
            bias[(size_t)r * codes + c] = lambda[r ? 1 + (r - 1) / TELU_CODE_GROUPS : 0] *
                                          (float)telu_frequency_cost(*f++);
    return bias;
}

static void derive(struct build *b, struct telu_model *m)
{
    struct telu_tables *t = &m->tab;

    for (int s = 0; s < m->cfg.stages; s++)
        derive_stage(b, &m->vq[s], m->n, m->cfg.latent);
    derive_blocks(b, m->enc, m->cfg.enc_blocks, m->cfg.enc_width, m->cfg.kernel);
    derive_blocks(b, m->dec, m->cfg.dec_blocks, m->cfg.dec_width, m->cfg.kernel);
    derive_blocks(b, m->post_block, m->post.blocks, m->post.width, m->cfg.kernel);
    t->cumul = cumul_of(b, t->freq, TELU_CONTEXTS, TELU_SYMBOLS);
    t->level_cumul = cumul_of(b, t->level, TELU_LEVEL_CONTEXTS, TELU_LEVEL_SYMBOLS);
    t->code_cumul = cumul_of(b, t->code, TELU_CODE_ROWS(m->cfg.stages), m->cfg.codes);
    t->bias_of_code = bias_of(b, t->code, get(b, "tab", "lambda"), m->cfg.stages, m->cfg.codes);
}

/* --- The whole model ------------------------------------------------------- */

/* Lays out the arena, the same for both forms of a model, and with memory fills it. */
static int lay_out(struct build *b, struct telu_model *m)
{
    b->used = 0;
    place(b);
    for (int i = 0; b->base && i < b->count; i++)
        if (copy(b, i))
            return -1;
    connect(b, m);
    derive(b, m);
    return 0;
}

/* Two runs: the first measures the arena, the second fills it. */
static int fill(struct build *b, struct telu_model *m)
{
    lay_out(b, m);
    m->arena_bytes = b->used;
    m->arena = aligned_alloc(ALIGN, b->used);
    if (!m->arena)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a model of %zu bytes", b->used);
    memset(m->arena, 0, b->used);
    b->base = m->arena;
    return lay_out(b, m);
}

TELU_MODES_INSIDE
static int build(struct telu_model *m, const struct telu_tensor *t,
                 const struct telu_blob *blobs, int count, int expected)
{
    struct build b = { .t = t, .blob = blobs, .count = count };
    int r;

    if (count != expected)
        return telu_fail("%d tensors, expected %d", count, expected);
    for (int i = 0; i < count; i++)
        if (telu_tensor_check(&m->cfg, &t[i], &blobs[i]))
            return -1;
    b.at = calloc(2 * (size_t)count, sizeof(*b.at));
    if (!b.at)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for %d tensors", count);
    b.scale = b.at + count;
    r = fill(&b, m) ? -1 : telu_model_check_bounds(m);
    free(b.at);
    return r;
}

struct telu_model *telu_model_build(const struct telu_config *cfg,
                                    const struct telu_blob *blobs, int count,
                                    const char *id)
{
    return telu_model_build_post(cfg, NULL, blobs, count, id);
}

/* Builds from the blobs of a file of that version; post NULL: none. */
static struct telu_model *build_of(int version, const struct telu_config *cfg,
                                   const struct telu_postnet_config *post,
                                   const struct telu_blob *blobs, int count, const char *id)
{
    struct telu_tensor *t;
    struct telu_model *m;
    uint64_t modes;
    int expected, r;

    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
        telu_fail("tensors are little-endian, this machine is not");
        return NULL;
    }
    if (post && !post->blocks)
        post = NULL;
    if (telu_config_check(cfg) || (post && telu_postnet_config_check(post)))
        return NULL;
    t = telu_tensor_list_of(version, cfg, post, &expected);
    if (!t)
        return NULL;
    m = calloc(1, sizeof(*m));
    if (!m) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a model");
        free(t);
        return NULL;
    }

    m->cfg = *cfg;
    if (post)
        m->post = *post;
    while (1 << m->n < cfg->codes)
        m->n++;
    snprintf(m->id, sizeof(m->id), "%s", id ? id : "");
    modes = telu_modes_begin();
    r = build(m, t, blobs, count, expected);
    telu_modes_end(modes);
    free(t);
    if (r) {
        telu_model_close(m);
        return NULL;
    }
    return m;
}

struct telu_model *telu_model_build_post(const struct telu_config *cfg,
                                         const struct telu_postnet_config *post,
                                         const struct telu_blob *blobs, int count,
                                         const char *id)
{
    return build_of(TELU_WEIGHTS_FLOATS, cfg, post, blobs, count, id);
}

struct telu_model *telu_weights_model(const struct telu_weights *w)
{
    return build_of(w->version, &w->cfg, &w->post, w->blob, w->count, w->id);
}

void telu_model_close(struct telu_model *m)
{
    if (m)
        free(m->arena);
    free(m);
}

const char *telu_model_id(const struct telu_model *m)
{
    return m->id;
}

#define TEXT(n) TEXT_OF(n)
#define TEXT_OF(n) #n

const char *telu_version(void)
{
    return TEXT(TELU_VERSION_MAJOR) "." TEXT(TELU_VERSION_MINOR) "." TEXT(TELU_VERSION_PATCH);
}
