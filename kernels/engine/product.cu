/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* product.cu - see product.cuh. */
#include "product.cuh"

#define THREADS 256
#define PANEL   TELU_LINEAR8_PANEL

/* The layer's weights in l->unpacked, see struct telu_live. */
static uint16_t *unpacked_weights(const struct telu_live *l, const struct telu_linear8 *w)
{
    return (uint16_t *)(l->unpacked + 2 * ((const char *)w->w - l->arena));
}

/* --- Weights ---------------------------------------------------------------------- */

static __global__ void unpack(uint16_t *to, const int8_t *packed, int I, size_t n)
{
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x, o = at / I, i = at % I;
    size_t pairs = ((size_t)I + 1) / 2;

    if (at < n)
        to[at] = (uint16_t)product_half(packed[((o / PANEL * pairs + i / 2) * PANEL +
                                                o % PANEL) * 2 + i % 2]);
}

int product_unpack(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    size_t n = (size_t)w->I * w->O;

    if (!cuda)
        return -1;
    TELU_LAUNCH(unpack, (unsigned)((n + THREADS - 1) / THREADS), THREADS, 0, cuda->stream,
                unpacked_weights(l, w), w->w, w->I, n);
    return telu_cuda_launched("weights for products");
}

/* --- Products --------------------------------------------------------------------- */

/* cuBLAS is column-major and sees each matrix as its transpose. */
int product_run(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w,
                int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const float one = 1.0f, none = 0.0f;

    if (!cuda)
        return -1;
    return telu_cublas_check(cublasGemmEx(cuda->blas, CUBLAS_OP_T, CUBLAS_OP_N, w->O, 2 * B, w->I,
                                          &one, unpacked_weights(l, w), CUDA_R_16F, w->I, l->x,
                                          CUDA_R_16F, w->I, &none, l->p, CUDA_R_32F, w->O,
                                          CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), "a layer");
}

/* Floats as the input of a product. */
struct floats_op {
    const float *x;
    int C;

    __device__ float at(int r, int c) const
    {
        return x[(size_t)r * C + c];
    }

    __device__ float4 at4(int r, int q) const
    {
        return load_float4(x + (size_t)r * C, q);
    }
};

/* Writes the outputs. */
struct output_op {
    struct product_output from;
    float *y;
    unsigned C;                /* O; a quarter of it for float4 */

    __device__ void run(unsigned i) const
    {
        y[i] = from.at(i / C, i % C);
    }

    __device__ void run4(unsigned i) const
    {
        store_float4(y, i, from.at4(i / C, i % C));
    }
};

int product_of(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w,
               const float *x, int B)
{
    struct floats_op floats = { x, w->I };

    return product_quantise(ctx, l, floats, B, w->I, w->I % 4 == 0 && float4_aligned(l->x, x),
                            "input of a layer") || product_run(ctx, l, w, B) ? -1 : 0;
}

int product_layer(struct telu_ctx *ctx, const struct telu_live *l, const struct telu_linear8 *w,
                  float *y, const float *x, int B)
{
    int fours = product_is_float4(l, w) && float4_aligned(y);
    struct output_op op = { product_from(l, w), y, (unsigned)(fours ? w->O / 4 : w->O) };

    return product_of(ctx, l, w, x, B) ||
           elementwise_run(ctx, op, (size_t)B * w->O, fours, "output of a layer") ? -1 : 0;
}
