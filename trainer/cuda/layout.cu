/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout.cu - see arena.cuh: lists a trainer's arrays and their sizes. */
#include "arena.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Tensors ------------------------------------------------------------ */

static int count_tensor(void *user, const struct telu_tensor *t)
{
    (void)t;
    ++*(int *)user;
    return 0;
}

static int add_tensor(void *user, const struct telu_tensor *t)
{
    struct list *l = (struct list *)user;
    struct tensor *e = l->all + l->count;

    if (t->kind == TELU_TABLE)
        return 0;
    snprintf(e->name, sizeof(e->name), "%s", t->name);
    e->kind = t->kind;
    e->decay = t->decay;
    e->n = (size_t)t->shape[0] * t->shape[1] * t->shape[2];
    e->at = l->at[t->kind == TELU_CODEBOOK];
    l->at[t->kind == TELU_CODEBOOK] += e->n;
    l->count++;
    return 0;
}

int make_list(struct list *l, const struct telu_config *cfg)
{
    int n = 0;

    memset(l, 0, sizeof(*l));
    telu_config_tensors(cfg, count_tensor, &n);
    l->all = (struct tensor *)calloc(n, sizeof(*l->all));
    if (!l->all)
        return telu_fail("training: no memory for a list of %d tensors", n);
    return telu_config_tensors(cfg, add_tensor, l);
}

static const struct tensor *find(const struct list *l, const char *prefix, int index,
                                 const char *name)
{
    char full[64];

    telu_tensor_name(full, sizeof(full), prefix, index, name);
    for (int i = 0; i < l->count; i++)
        if (!strcmp(l->all[i].name, full))
            return &l->all[i];
    return NULL;               /* a checked config cannot come here */
}

/* --- Layout ------------------------------------------------------------- */

static void *take(struct arena *a, size_t bytes)
{
    void *p = a->base + a->used;

    a->used += (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    return p;
}

static float *floats(struct arena *a, size_t n)
{
    return (float *)take(a, sizeof(float) * n);
}

/* Places an operand of products; it has its own copy only in bf16. */
static void *operand(struct arena *a, size_t n)
{
    int half = a->t->precision == TELU_TRAIN_BF16;

    return take(a, (half ? sizeof(struct bf16) : sizeof(float)) * n);
}

static void *copy_of(struct arena *a, float *x, size_t n)
{
    return a->t->precision == TELU_TRAIN_BF16 ? operand(a, n) : x;
}

static struct gpu_param matrix(struct arena *a, const char *prefix, int index,
                               const char *name)
{
    struct training *t = a->t;
    size_t at = find(a->list, prefix, index, name)->at;
    struct gpu_param p = { t->value + at, t->grad + at, t->half ? t->half + at : NULL,
                           -1 };

    return p;
}

/* Places a tensor whose gradient sums over rows. */
static struct gpu_param vector(struct arena *a, const char *prefix, int index,
                               const char *name)
{
    const struct tensor *e = find(a->list, prefix, index, name);
    struct gpu_param p = matrix(a, prefix, index, name);

    p.column = a->t->columns;
    for (size_t i = 0; a->column_to && i < e->n; i++)
        a->column_to[p.column + i] = (int)(e->at + i);
    a->t->columns += (int)e->n;
    return p;
}

static void lay_stack(struct arena *a, struct gpu_stack *s, const char *name, int width,
                      int blocks)
{
    const struct telu_config *c = &a->t->cfg;
    size_t R = a->t->R, C = width, H = (size_t)width * c->expand;

    s->width = width;
    s->hidden = (int)H;
    s->kernel = c->kernel;
    s->n = blocks;
    for (int i = 0; i < blocks; i++) {
        struct gpu_block *b = &s->block[i];

        b->dw_w = vector(a, name, i, "dw.w");
        b->dw_b = vector(a, name, i, "dw.b");
        b->norm_g = vector(a, name, i, "norm.g");
        b->norm_b = vector(a, name, i, "norm.b");
        b->up_w = matrix(a, name, i, "up.w");
        b->up_b = vector(a, name, i, "up.b");
        b->down_w = matrix(a, name, i, "down.w");
        b->down_b = vector(a, name, i, "down.b");
        b->scale = vector(a, name, i, "scale");
        b->x = floats(a, R * C);
        b->a = floats(a, R * C);
        b->stats = floats(a, R * 2);
        b->b = operand(a, R * C);
        b->h = operand(a, R * H);
        b->g = operand(a, R * H);
        b->d = operand(a, R * C);
    }
}

#define LAY_ARRAY(name, field, type, n, place) \
    t->field = (type *)take(a, sizeof(type) * t->count.n);

static void lay_weights(struct arena *a)
{
    struct training *t = a->t;

    TRAINER_STATE(LAY_ARRAY, STATE_SKIP, STATE_SKIP)
    t->grad = floats(a, t->count.weights);
    t->half = t->precision == TELU_TRAIN_BF16
                  ? (struct bf16 *)take(a, sizeof(struct bf16) * t->count.weights) : NULL;
    t->tiles = (int4 *)take(a, sizeof(int4) * t->tile_count);
    t->squares = (double *)take(a, sizeof(double) * GPU_THREADS);
    t->order = (struct gpu_order *)take(a, sizeof(*t->order));
    t->order_in = (struct gpu_order *)take(a, sizeof(*t->order));
    t->state = (struct gpu_state *)take(a, sizeof(*t->state));
    t->ring = (struct telu_train_result *)take(a, sizeof(*t->ring) *
                                                  TELU_TRAIN_RESULTS);
}

static void lay_layers(struct arena *a)
{
    struct training *t = a->t;

    t->columns = 0;
    t->enc_in_w = matrix(a, "enc", -1, "in.w");
    t->enc_in_b = vector(a, "enc", -1, "in.b");
    t->enc_out_w = matrix(a, "enc", -1, "out.w");
    t->enc_out_b = vector(a, "enc", -1, "out.b");
    t->dec_in_w = matrix(a, "dec", -1, "in.w");
    t->dec_in_b = vector(a, "dec", -1, "in.b");
    t->value_w = matrix(a, "dec", -1, "value.w");
    t->value_b = vector(a, "dec", -1, "value.b");
    t->scale_w = matrix(a, "dec", -1, "scale.w");
    t->scale_b = vector(a, "dec", -1, "scale.b");
    lay_stack(a, &t->enc, "enc", t->cfg.enc_width, t->cfg.enc_blocks);
    lay_stack(a, &t->dec, "dec", t->cfg.dec_width, t->cfg.dec_blocks);
}

static void lay_stages(struct arena *a)
{
    struct training *t = a->t;
    size_t R = t->R, L = t->cfg.latent, codes = t->cfg.codes;
    float *ema = t->ema;

    for (int s = 0; s < t->cfg.stages; s++) {
        struct gpu_stage *st = &t->stage[s];
        size_t D = t->cfg.dim[s];

        st->dim = (int)D;
        st->in_w = matrix(a, "vq", s, "in.w");
        st->in_b = vector(a, "vq", s, "in.b");
        st->out_w = matrix(a, "vq", s, "out.w");
        st->out_b = vector(a, "vq", s, "out.b");
        st->book = t->books + find(a->list, "vq", s, "book")->at;
        st->count = ema;
        st->total = ema + codes;
        ema += codes * (1 + D);
        st->hits = t->hits + s * codes;
        st->z = floats(a, R * D);
        st->q = floats(a, R * D);
        st->r = s ? floats(a, R * L) : t->latent;
        st->index = (int32_t *)take(a, sizeof(int32_t) * R);
    }
    t->energy = floats(a, t->B);
    t->z_part = (double *)take(a, sizeof(double) * t->B * t->shares);
    t->gathered = floats(a, 1 + codes * TELU_MAX_DIM);
    t->chosen = floats(a, codes * (1 + TELU_MAX_DIM));
    t->chose = (uint32_t *)take(a, sizeof(uint32_t) * codes * t->words);
    t->norm = floats(a, codes);
    t->table = floats(a, codes * L);
    t->de = floats(a, R * L);
    t->dz = floats(a, R * TELU_MAX_DIM);
    t->commit = (double *)take(a, sizeof(double) * t->cfg.stages * t->B * t->shares);
}

static void lay_rows(struct arena *a)
{
    struct training *t = a->t;
    const struct telu_config *c = &t->cfg;
    size_t R = t->R, width = larger(c->enc_width, c->dec_width);
    size_t wide = larger(width, larger(c->latent, TELU_COEFS));
    size_t sound = (size_t)t->B * t->stride;

    t->x = floats(a, sound);
    t->x_in = floats(a, sound);
    t->wave = floats(a, sound);
    for (int i = 0; i < BALANCE_TERMS; i++)
        t->gl[i] = floats(a, sound);
    t->c = floats(a, R * TELU_COEFS);
    t->features = floats(a, R * TELU_FEATURES);
    t->features_t = copy_of(a, t->features, R * TELU_FEATURES);
    t->enc_x = floats(a, R * c->enc_width);
    t->enc_t = copy_of(a, t->enc_x, R * c->enc_width);
    t->latent = floats(a, R * c->latent);
    t->dlatent = floats(a, R * c->latent);
    t->sum = floats(a, R * c->latent);
    t->sum_t = copy_of(a, t->sum, R * c->latent);
    t->dec_x = floats(a, R * c->dec_width);
    t->dec_t = copy_of(a, t->dec_x, R * c->dec_width);
    t->v_out = floats(a, R * TELU_COEFS);
    t->s_out = floats(a, R * TELU_COEFS);
    t->y = floats(a, R * TELU_COEFS);
    t->dx = floats(a, R * wide);
    t->da32 = floats(a, R * wide);
    t->rows2 = floats(a, R * 2);
    t->da = operand(a, R * wide);
    t->db = operand(a, R * wide);
    t->dh = operand(a, R * width * c->expand);
}

static void lay_losses(struct arena *a)
{
    struct training *t = a->t;
    size_t frames = 0, spectra = 0;

    for (int i = 0; i < LOSS_SCALES; i++) {
        struct gpu_stft *s = &t->stft[i];
        size_t both = (size_t)2 * t->chunk * s->frames;

        s->window = floats(a, s->n);
        s->first = (int *)take(a, sizeof(int) * s->mels);
        s->count = (int *)take(a, sizeof(int) * s->mels);
        s->weight = floats(a, (size_t)s->mels * s->bins);
        s->triangle = (int *)take(a, sizeof(int) * s->bins);
        s->side = floats(a, (size_t)2 * s->bins);
        s->mel = floats(a, (size_t)t->B * s->frames);
        s->cpx = floats(a, (size_t)t->B * s->frames);
        frames = larger(frames, both * s->n);
        spectra = larger(spectra, both * s->bins);
    }
    t->frames = floats(a, frames);
    t->spectra = (cufftComplex *)take(a, sizeof(cufftComplex) * spectra);
    t->value_item = (double *)take(a, sizeof(double) * BALANCE_TERMS * t->B);
    t->sound_part = (double *)take(a, sizeof(double) * 2 * t->B * t->pieces);
    t->size_part = (double *)take(a, sizeof(double) * BALANCE_TERMS * t->B * t->pieces);
    t->work = take(a, t->work_bytes);
    t->blas_work = take(a, BLAS_WORK);
}

void lay_out(struct arena *a)
{
    struct training *t = a->t;

    a->used = 0;
    lay_weights(a);
    lay_layers(a);
    lay_rows(a);
    lay_stages(a);
    lay_losses(a);
    t->part = floats(a, (size_t)t->parts * t->columns);
    t->column_to = (int *)take(a, sizeof(int) * t->columns);
}
