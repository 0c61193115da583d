/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gpu.cuh - declares a trainer on a device, for all .cu files of this room.
 *
 * No call in a step waits for the device, allocates, or depends on a kernel's result.
 * Shapes are those of the whole batch, and rows beyond a stage's items are masked.
 * Kernels decide in struct gpu_state whether a codebook learns and a gradient is finite.
 * So a step is always the same list of launches, and one graph.
 *
 * Sums over rows go in a fixed order: each of `parts` blocks adds up its share of the
 * rows, and gather_columns() adds up the blocks, see columns.cuh.
 */
#ifndef GPU_CUH
#define GPU_CUH

#include "constants.h"
#include "device.h"
#include "training.h"

#include <cufft.h>

#define GPU_THREADS 256
#define GPU_WARPS   (GPU_THREADS / 32)
#define GPU_SHARE 8            /* packets of an item per block in the quantiser, */
#define GPU_PIECE 2048         /* and samples of an item per block in the losses */

/* bfloat16, as linear.h rounds it. */
struct bf16 {
    uint16_t bits;
};

/* A tensor. `half`: its bf16 copy; `column`: the index of a vector's gradient in a row of
 * partial sums. */
struct gpu_param {
    float *w, *g;
    struct bf16 *half;
    int column;
};

/* Arrays of the last forward, as in model.h; the readers of h and d add the biases of
 * `up` and `down`. void: float or bf16. */
struct gpu_block {
    struct gpu_param dw_w, dw_b, norm_g, norm_b, up_w, up_b, down_w, down_b, scale;
    float *x, *a, *stats;      /* stats (R, 2): mean and 1/deviation of each row of a */
    void *b, *h, *g, *d;
};

struct gpu_stack {
    int width, hidden, kernel, n;
    struct gpu_block block[TELU_MAX_BLOCKS];
};

struct gpu_stage {
    int dim;
    struct gpu_param in_w, in_b, out_w, out_b;
    float *book, *count, *total;
    float *z, *q, *r;          /* of the last forward, as in vq.h */
    int32_t *index;
    uint32_t *hits;
};

/* The host's order for a step. */
struct gpu_order {
    float rate, decay;
    int items[TELU_MAX_STAGES];            /* items that reach each stage */
};

/* Decisions and counters that stay on the device. */
struct gpu_state {
    TRAINER_STATE(STATE_SKIP, STATE_FIELD, STATE_SKIP)
    double norm;               /* of the gradient */
    unsigned long long written;            /* results written so far */
    int learning[TELU_MAX_STAGES + 1];     /* whether codebooks learn, before each stage */
    float rows[TELU_MAX_STAGES];           /* rows of all ranks that reach each stage */
    float mean[BALANCE_TERMS], share[BALANCE_TERMS];       /* balance.cu */
    float scale, c1, c2;       /* adamw.cu; scale 0: the step is skipped */
};

struct gpu_stft {
    int n, hop, bins, frames, mels;
    cufftHandle forward, inverse;
    int planned;               /* plans that exist: 0, 1, 2 */
    float *window;
    int *first, *count;        /* first bin and bins of each triangle */
    float *weight;             /* (mels, bins): from `first` on */
    int *triangle;             /* (bins): the lower of each bin's two triangles */
    float *side;               /* (bins, 2): each bin's share in that one and the next */
    float *mel, *cpx;          /* (B, frames): sums of a frame */
};

struct training {
    int device, B, T, R, stride, samples;  /* samples: complete ones per item */
    int shares, pieces;        /* per item, of GPU_SHARE packets and GPU_PIECE samples */
    struct telu_config cfg;
    enum telu_precision precision;
    struct telu_cuda cuda;
    struct telu_ctx ctx;
    cudaStream_t copies;
    cudaEvent_t copied[TELU_TRAIN_STAGING], taken;
    cudaGraphExec_t exec;      /* the graph of a step, recorded after the first one */
    int steps;                 /* since open() or reduce() */

    char *memory;              /* all memory on the device */
    float *staging[TELU_TRAIN_STAGING];    /* pinned, as are these: */
    struct gpu_order *orders;              /* (TELU_TRAIN_RESULTS) */
    struct telu_train_result *results;       /* (TELU_TRAIN_RESULTS) */
    unsigned long long started, read;      /* steps started, steps read */

    telu_train_reduce reduce;
    void *reduce_user;
    int rank, ranks;

    /* --- on the device --- */
    struct gpu_order *order, *order_in;
    struct gpu_state *state;
    struct telu_train_result *ring;        /* (TELU_TRAIN_RESULTS) */
    struct state_counts count;
    TRAINER_STATE(STATE_POINTER, STATE_SKIP, STATE_SKIP)
    float *grad;
    struct bf16 *half;         /* bf16 copy of value for bf16 products */
    int4 *tiles;               /* adamw.cu: first, count, decay */
    int tile_count;
    double *squares;           /* partial sums of the squared gradient */
    int parts, columns;        /* partial sums (parts, columns) of vectors' gradients */
    float *part;
    int *column_to;            /* (columns): places in grad */

    struct gpu_param enc_in_w, enc_in_b, enc_out_w, enc_out_b, dec_in_w, dec_in_b;
    struct gpu_param value_w, value_b, scale_w, scale_b;
    struct gpu_stack enc, dec;
    struct gpu_stage stage[TELU_MAX_STAGES];

    float *x, *x_in, *c, *features, *latent, *sum, *v_out, *s_out, *y, *wave;
    float *enc_x, *dec_x;      /* outputs of the stacks; */
    void *features_t, *enc_t, *sum_t, *dec_t;      /* the same as operands */
    float *dx, *dlatent, *rows2;           /* rows2 (R, 2): norm backward */
    void *da, *db, *dh;        /* operands */
    float *da32;

    float *energy;             /* per item: 1 / energy of its z_0 */
    float *gathered;           /* sums before the search: energy, (codes, dim) rows */
    float *chosen;             /* sums after it: (codes) counts, (codes, dim) sums */
    uint32_t *chose;           /* (codes, words): one bit per row, see search.cu */
    int words;
    float *norm;               /* (codes): |b|^2 */
    float *table;              /* (codes, latent): each code's projection */
    double *z_part;            /* (B, shares): sums of z^2 */
    float *de, *dz;
    double *commit;            /* (stages, B, shares) */

    struct gpu_stft stft[LOSS_SCALES];
    int chunk;                 /* items transformed together */
    float *frames;             /* (2, chunk, frames, n) */
    cufftComplex *spectra;     /* (2, chunk, frames, bins) */
    void *work;                /* cuFFT's */
    size_t work_bytes;
    void *blas_work;
    float *gl[BALANCE_TERMS];      /* gradients, as trainer->grad */
    double *value_item;        /* (3, B): the losses of each item */
    double *sound_part;        /* (2, B, pieces): sums of (y - x)^2 and of x^2 */
    double *size_part;         /* (3, B, pieces): sums of the squares of each gradient */
};

/* --- gemm.cu: t is the type of the operands, C's may differ; row-major --- */

/* y (R, O) = x (R, I) w^T, w (O, I) */
int gpu_product(struct training *t, void *y, cudaDataType to, const void *x,
                const void *w, cudaDataType type, int R, int I, int O);
/* dx (R, I) = dy (R, O) w + keep dx */
int gpu_product_dx(struct training *t, void *dx, cudaDataType to, float keep,
                   const void *dy, const void *w, cudaDataType type, int R, int I,
                   int O);
/* dw (O, I) = dy^T x */
int gpu_product_dw(struct training *t, float *dw, const void *dy, const void *x,
                   cudaDataType type, int R, int I, int O);

/* --- model.cu --- */
int gpu_model_forward(struct training *t);
int gpu_model_backward(struct training *t, float commit, float size);

/* --- vq.cu; dsum and dx (R, latent) --- */
int gpu_vq_forward(struct training *t);
int gpu_vq_backward(struct training *t, float *dx, const float *dsum, float commit,
                    float size);

/* --- stft.cu: items first .. first + n - 1, n <= t->chunk --- */
int gpu_stft_plan(struct training *t);     /* makes the plans, sets chunk, work_bytes */
int gpu_stft_tables(struct training *t, int which);
void gpu_stft_release(struct training *t);
int gpu_stft_forward(struct training *t, int which, int first, int n);
int gpu_stft_adjoint(struct training *t, int which, int first, int n);

/* --- loss.cu, balance.cu, adamw.cu --- */
int gpu_loss(struct training *t);
int gpu_balance(struct training *t);
int gpu_adamw(struct training *t);
int gpu_halves(struct training *t);        /* value -> half */

/* Sums x over the ranks when there are several. */
static inline int gpu_reduce(struct training *t, float *x, size_t n)
{
    return t->reduce ? t->reduce(t->reduce_user, x, n, t->cuda.stream) : 0;
}

static inline unsigned gpu_blocks(size_t n, size_t each)
{
    return (unsigned)((n + each - 1) / each);
}

/* --- on the device --- */

static __device__ inline float get(const float *p, size_t i)
{
    return p[i];
}

static __device__ inline float get(const struct bf16 *p, size_t i)
{
    return __uint_as_float((unsigned)p[i].bits << 16);
}

static __device__ inline void set(float *p, size_t i, float x)
{
    p[i] = x;
}

static __device__ inline void set(struct bf16 *p, size_t i, float x)
{
    unsigned u = __float_as_uint(x);

    /* rounds to nearest even; a NaN stays NaN */
    p[i].bits = (uint16_t)(x != x ? u >> 16 | 0x40 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Returns the sum over a block of whole warps to every thread, in a fixed order. scratch:
 * one double per warp. */
static __device__ inline double block_sum(double x, double *scratch)
{
    unsigned i = threadIdx.x, warps = blockDim.x / 32;

    for (int far = 16; far > 0; far /= 2)
        x += __shfl_down_sync(0xffffffffu, x, far);
    __syncthreads();           /* the previous sum has been read */
    if (i % 32 == 0)
        scratch[i / 32] = x;
    __syncthreads();
    x = scratch[0];
    for (unsigned w = 1; w < warps; w++)
        x += scratch[w];
    return x;
}

#endif
