/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* product.cu - see product.cuh. */
#include "product.cuh"

#include "linear.cuh"
#include "linear.h"

#define THREADS 256

int product_wants_bf16x3(int device)
{
    int major = 0, minor = 0;

    if (telu_cuda_check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor,
                                               device), "tensor cores") ||
        telu_cuda_check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor,
                                               device), "tensor cores"))
        return -1;
    return (major == 8 && minor == 0) || major == 9 || major == 10;
}

/* The layer's weights in l->unpacked, see struct telu_live. */
static char *unpacked_weights(const struct telu_live *l, const struct telu_linear16 *w)
{
    return l->unpacked + (l->bf16x3 ? 3 : 2) * ((const char *)w->w - l->arena);
}

/* --- Weights ---------------------------------------------------------------------- */

static __global__ void unpack(struct product_input to, const uint32_t *packed, int I, size_t n)
{
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x, o = at / I;
    int i = (int)(at % I);

    if (at >= n)
        return;
    uint32_t word = packed[(o / PANEL * I + i) * HALF + o % HALF];
    float w = o % PANEL < HALF ? low(word) : high(word);

    if (!to.bf16x3)
        to.put(o, I, i, w);
    else
        for (int k = 0; k < 3; k++)
            ((uint16_t *)to.p)[(3 * o + k) * I + i] = (uint16_t)(__float_as_uint(w) >> 16);
}

int product_unpack(struct telu_ctx *ctx, const struct telu_live *l,
                   const struct telu_linear16 *w)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct product_input to = { unpacked_weights(l, w), l->bf16x3 };
    size_t n = (size_t)w->I * w->O;

    if (!cuda)
        return -1;
    TELU_LAUNCH(unpack, (unsigned)((n + THREADS - 1) / THREADS), THREADS, 0, cuda->stream, to,
                w->w, w->I, n);
    return telu_cuda_launched("weights for products");
}

/* --- Products --------------------------------------------------------------------- */

/* y = x w^T + keep y. cuBLAS is column-major and sees each matrix as its transpose. */
static int product(struct telu_ctx *ctx, const struct telu_live *l,
                   const struct telu_linear16 *w, float *y, int B, float keep)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    cudaDataType type = l->bf16x3 ? CUDA_R_16BF : CUDA_R_32F;
    int deep = (l->bf16x3 ? 3 : 1) * w->I;
    const float one = 1.0f;

    if (!cuda)
        return -1;
    return telu_cublas_check(cublasGemmEx(cuda->blas, CUBLAS_OP_T, CUBLAS_OP_N, w->O, B, deep,
                                          &one, unpacked_weights(l, w), type, deep, l->x,
                                          type, deep, &keep, y, CUDA_R_32F, w->O,
                                          CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), "a layer");
}

int product_run(struct telu_ctx *ctx, const struct telu_live *l,
                const struct telu_linear16 *w, float *y, int B)
{
    return product(ctx, l, w, y, B, 0.0f);
}

/* Writes floats as the input of a product. */
struct split_op {
    struct product_input to;
    const float *x;
    unsigned C;                /* a quarter of it for float4 */

    __device__ void run(unsigned i) const
    {
        to.put(i / C, (int)C, (int)(i % C), x[i]);
    }

    __device__ void run4(unsigned i) const
    {
        to.put4(i / C, (int)(4 * C), (int)(i % C), load_float4(x, i));
    }
};

/* Copies the biases to each row. */
struct bias_op {
    float *y;
    const float *b;
    unsigned C;

    __device__ void run(unsigned i) const
    {
        y[i] = b[i % C];
    }

    __device__ void run4(unsigned i) const
    {
        store_float4(y, i, load_float4(b, i % C));
    }
};

int product_layer(struct telu_ctx *ctx, const struct telu_live *l,
                  const struct telu_linear16 *w, float *y, const float *x, int B)
{
    int fours = w->I % 4 == 0 && float4_aligned(l->x, x);
    struct split_op split = { product_into(l), x, (unsigned)(fours ? w->I / 4 : w->I) };

    if (elementwise_run(ctx, split, (size_t)B * w->I, fours, "input of a layer"))
        return -1;
    fours = w->O % 4 == 0 && float4_aligned(y, w->b);
    struct bias_op bias = { y, w->b, (unsigned)(fours ? w->O / 4 : w->O) };

    return elementwise_run(ctx, bias, (size_t)B * w->O, fours, "biases of a layer") ||
           product(ctx, l, w, y, B, 1.0f) ? -1 : 0;
}
