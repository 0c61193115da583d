/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.cu - see model.h; runs the same network as lists of launches. T is the type of
 * products' operands: float or bf16. The residual stream x stays float. */
#include "layers.cuh"

#include "compand.h"
#include "dwconv.h"
#include "mdct.h"

template <class T> struct type_of;
template <> struct type_of<float> { static const cudaDataType id = CUDA_R_32F; };
template <> struct type_of<bf16> { static const cudaDataType id = CUDA_R_16BF; };

static const float *operand(const gpu_param &p, float *)
{
    return p.w;
}

static const bf16 *operand(const gpu_param &p, bf16 *)
{
    return p.half;
}

template <class T>
static int forward(struct training *t, void *y, cudaDataType to, const T *x,
                   const gpu_param &w, int I, int O)
{
    return gpu_product(t, y, to, x, operand(w, (T *)0), type_of<T>::id, t->R, I, O);
}

/* dx: may be NULL */
template <class T>
static int backward(struct training *t, void *dx, cudaDataType to, float keep,
                    const T *dy, const T *x, const gpu_param &w, int I, int O)
{
    if (dx && gpu_product_dx(t, dx, to, keep, dy, operand(w, (T *)0), type_of<T>::id,
                             t->R, I, O))
        return -1;
    return gpu_product_dw(t, w.g, dy, x, type_of<T>::id, t->R, I, O);
}

/* --- Forward ------------------------------------------------------------ */

template <class T>
static int norm_run(struct training *t, gpu_block &b, int C)
{
    auto kernel = norm_of(C, norm_forward<T, 2, 5>, norm_forward<T, 2, 16>,
                          norm_forward<T, 1, 32>);

    TELU_LAUNCH(kernel, gpu_blocks((size_t)t->R * WARP, GPU_THREADS), GPU_THREADS, 0,
                t->cuda.stream, (T *)b.b, b.stats, b.a, b.norm_g.w, b.norm_b.w, t->R,
                C);
    return telu_cuda_launched("training, norm");
}

/* Runs a block as in model.c. copy: `out` as an operand, for the last block. */
template <class T>
static int block_forward(struct training *t, const gpu_stack &s, gpu_block &b,
                         float *out, T *copy)
{
    int C = s.width, H = s.hidden;
    size_t wide = (size_t)t->R * H, n = (size_t)t->R * C;
    gelu_forward<T> gelu = { (T *)b.g, (T *)b.h, b.up_b.w };
    residual_forward<T> residual = { out, copy, b.x, b.down_b.w, b.scale.w, (T *)b.d };

    if (telu_dwconv_cuda(&t->ctx, b.a, b.x, NULL, b.dw_w.w, b.dw_b.w, t->B, t->T, C,
                         s.kernel) ||
        norm_run<T>(t, b, C) ||
        forward(t, b.h, type_of<T>::id, (const T *)b.b, b.up_w, C, H) ||
        elementwise_run(t, gelu, wide, H, "training, gelu") ||
        forward(t, b.d, type_of<T>::id, (const T *)b.g, b.down_w, H, C))
        return -1;
    return elementwise_run(t, residual, n, C, "training, residual");
}

template <class T>
static int stack_forward(struct training *t, gpu_stack &s, float *out, T *copy)
{
    for (int i = 0; i < s.n; i++) {
        int last = i + 1 == s.n;

        if (block_forward<T>(t, s, s.block[i], last ? out : s.block[i + 1].x,
                             last ? copy : (T *)0))
            return -1;
    }
    return 0;
}

/* y (R, O) = x w^T + b, in float */
template <class T>
static int layer(struct training *t, float *y, const T *x, const gpu_param &w,
                 const gpu_param &b, int I, int O)
{
    add_bias bias = { y, b.w };

    if (forward(t, y, CUDA_R_32F, x, w, I, O))
        return -1;
    return elementwise_run(t, bias, (size_t)t->R * O, O, "training, a bias");
}

template <class T>
static int encode(struct training *t)
{
    const struct telu_config *c = &t->cfg;
    convert<T> features = { (T *)t->features_t, t->features };

    if (telu_mdct_cuda(&t->ctx, t->c, t->x, t->B, 2 * t->T) ||
        telu_compand_cuda(&t->ctx, t->features, t->c, t->R) ||
        (t->features_t != t->features &&
         elementwise_run(t, features, (size_t)t->R * TELU_FEATURES, TELU_FEATURES,
                  "training, features")) ||
        layer(t, t->enc.block[0].x, (const T *)t->features_t, t->enc_in_w, t->enc_in_b,
              TELU_FEATURES, c->enc_width) ||
        stack_forward(t, t->enc, t->enc_x, (T *)t->enc_t))
        return -1;
    return layer(t, t->latent, (const T *)t->enc_t, t->enc_out_w, t->enc_out_b,
                 c->enc_width, c->latent);
}

template <class T>
static int decode(struct training *t)
{
    const struct telu_config *c = &t->cfg;
    convert<T> sum = { (T *)t->sum_t, t->sum };
    head_forward head = { t->y, t->v_out, t->s_out, t->value_b.w, t->scale_b.w };

    if ((t->sum_t != t->sum &&
         elementwise_run(t, sum, (size_t)t->R * c->latent, c->latent, "training, latent")) ||
        layer(t, t->dec.block[0].x, (const T *)t->sum_t, t->dec_in_w, t->dec_in_b,
              c->latent, c->dec_width) ||
        stack_forward(t, t->dec, t->dec_x, (T *)t->dec_t) ||
        forward(t, t->v_out, CUDA_R_32F, (const T *)t->dec_t, t->value_w, c->dec_width,
                TELU_COEFS) ||
        forward(t, t->s_out, CUDA_R_32F, (const T *)t->dec_t, t->scale_w, c->dec_width,
                TELU_COEFS) ||
        elementwise_run(t, head, (size_t)t->R * TELU_COEFS, TELU_COEFS, "training, head"))
        return -1;
    return telu_imdct_cuda(&t->ctx, t->wave, t->y, t->B, 2 * t->T);
}

int gpu_model_forward(struct training *t)
{
    if (t->precision == TELU_TRAIN_BF16)
        return encode<bf16>(t) || gpu_vq_forward(t) || decode<bf16>(t) ? -1 : 0;
    return encode<float>(t) || gpu_vq_forward(t) || decode<float>(t) ? -1 : 0;
}

/* --- Backward ----------------------------------------------------------- */

template <class T>
static int norm_backward(struct training *t, gpu_block &b, int C)
{
    auto kernel = norm_of(C, norm_means<T, 2, 5>, norm_means<T, 2, 16>,
                          norm_means<T, 1, 32>);
    norm_back<T> op = { t->da32, (const T *)t->db, b.a, b.stats, t->rows2, b.norm_g.w,
                        b.norm_g.column, b.norm_b.column };

    TELU_LAUNCH(kernel, gpu_blocks((size_t)t->R * WARP, GPU_THREADS), GPU_THREADS, 0,
                t->cuda.stream, t->rows2, (const T *)t->db, b.a, b.stats, b.norm_g.w,
                t->R, C);
    if (telu_cuda_launched("training, means of norm backward"))
        return -1;
    return columns_run(t, op, t->R, C, "training, norm backward");
}

static int dwconv_backward(struct training *t, gpu_block &b, float *dx, int C, int K)
{
    void (*kernel)(float *, float *, const float *, const float *, const float *, int, int,
                   int, int, int, int, int) =
        K <= DWCONV_USUAL ? dwconv_back<DWCONV_USUAL> : dwconv_back<DWCONV_MOST>;
    dim3 grid((C + COLUMN_LANES - 1) / COLUMN_LANES, t->parts);
    dim3 block(COLUMN_LANES, COLUMN_ROWS);

    TELU_LAUNCH(kernel, grid, block, 0, t->cuda.stream, dx, t->part, t->da32, b.x, b.dw_w.w,
                t->B, t->T, C, K, t->columns, b.dw_w.column, b.dw_b.column);
    return telu_cuda_launched("training, convolution backward");
}

/* dx as in model.c. */
template <class T>
static int block_backward(struct training *t, const gpu_stack &s, gpu_block &b,
                          float *dx)
{
    int C = s.width, H = s.hidden;
    cudaDataType id = type_of<T>::id;
    residual_back<T> residual = { (T *)t->da, dx, b.down_b.w, b.scale.w, (T *)b.d,
                                  b.scale.column, b.down_b.column };
    gelu_back<T> gelu = { (T *)t->dh, (T *)b.h, b.up_b.w, b.up_b.column };

    if (columns_run(t, residual, t->R, C, "training, residual backward") ||
        backward(t, t->dh, id, 0.0f, (const T *)t->da, (const T *)b.g, b.down_w, H,
                 C) ||
        columns_run(t, gelu, t->R, H, "training, gelu backward") ||
        backward(t, t->db, id, 0.0f, (const T *)t->dh, (const T *)b.b, b.up_w, C, H) ||
        norm_backward<T>(t, b, C))
        return -1;
    return dwconv_backward(t, b, dx, C, s.kernel);
}

template <class T>
static int stack_backward(struct training *t, gpu_stack &s, float *dx)
{
    for (int i = s.n - 1; i >= 0; i--)
        if (block_backward<T>(t, s, s.block[i], dx))
            return -1;
    return 0;
}

/* Runs a lone layer backward: dy in float -> dx in float, or NULL. */
template <class T>
static int layer_backward(struct training *t, float *dx, const float *dy, const T *x,
                          const gpu_param &w, const gpu_param &b, int I, int O)
{
    operand_back<T> op = { (T *)t->da, dy, b.column };

    if (columns_run(t, op, t->R, O, "training, a bias backward"))
        return -1;
    return backward(t, dx, CUDA_R_32F, 0.0f, (const T *)t->da, x, w, I, O);
}

template <class T>
static int all_backward(struct training *t, float commit, float size)
{
    const struct telu_config *c = &t->cfg;
    head_back<T> head = { (T *)t->da, (T *)t->db, t->dx, t->v_out, t->s_out,
                          t->value_b.w, t->scale_b.w, t->value_b.column,
                          t->scale_b.column };

    if (telu_mdct_cuda(&t->ctx, t->dx, t->gl[0], t->B, 2 * t->T) ||
        columns_run(t, head, t->R, TELU_COEFS, "training, head backward") ||
        backward(t, t->dx, CUDA_R_32F, 0.0f, (const T *)t->da, (const T *)t->dec_t,
                 t->value_w, c->dec_width, TELU_COEFS) ||
        backward(t, t->dx, CUDA_R_32F, 1.0f, (const T *)t->db, (const T *)t->dec_t,
                 t->scale_w, c->dec_width, TELU_COEFS) ||
        stack_backward<T>(t, t->dec, t->dx) ||
        layer_backward(t, t->da32, t->dx, (const T *)t->sum_t, t->dec_in_w,
                       t->dec_in_b, c->latent, c->dec_width) ||
        gpu_vq_backward(t, t->dlatent, t->da32, commit, size) ||
        layer_backward(t, t->dx, t->dlatent, (const T *)t->enc_t, t->enc_out_w,
                       t->enc_out_b, c->enc_width, c->latent) ||
        stack_backward<T>(t, t->enc, t->dx))
        return -1;
    return layer_backward(t, (float *)0, t->dx, (const T *)t->features_t, t->enc_in_w,
                          t->enc_in_b, TELU_FEATURES, c->enc_width);
}

int gpu_model_backward(struct training *t, float commit, float size)
{
    return t->precision == TELU_TRAIN_BF16 ? all_backward<bf16>(t, commit, size)
                                     : all_backward<float>(t, commit, size);
}
