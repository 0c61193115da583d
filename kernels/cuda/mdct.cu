/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct.cu - see mdct.h, and dct.cuh for the sums. A block transforms 16 hops; a thread adds four
 * outputs of four hops.
 */
#include "mdct.h"

#include "dct.cuh"
#include "mdct_table.h"

#include <mutex>

#define N       TELU_HOP
#define HOPS    16             /* per block */
#define EACH    4              /* per thread */
#define THREADS (DCT_FOURS * HOPS / EACH)
#define STRIDE  (HOPS + 4)     /* of samples in shared memory */
#define DEVICES 64

static __device__ struct dct_table table;

/* --- Tables --------------------------------------------------------------- */

int telu_mdct_ready_cuda(void)
{
    static std::mutex lock;
    static bool made[DEVICES];
    static struct dct_table h;
    std::lock_guard<std::mutex> guard(lock);
    const struct telu_mdct_table *t = telu_mdct_table();
    const char *what = "mdct, tables (not while a graph is captured)";
    int device;

    if (telu_cuda_check(cudaGetDevice(&device), what))
        return -1;
    if (device >= DEVICES)
        return telu_fail("mdct: device %d, expected 0 to %d", device, DEVICES - 1);
    if (made[device])
        return 0;
    for (int i = 0; i < 2 * N; i++)
        h.window[i] = (float)t->window[i];
    static_assert(sizeof(h.dct) == sizeof(t->dct), "two kinds of table");
    memcpy(h.dct, t->dct, sizeof(h.dct));
    /* The next user may be in another stream, so wait for the copy. */
    if (telu_cuda_check(cudaMemcpyToSymbol(table, &h, sizeof(h)), what) ||
        telu_cuda_check(cudaStreamSynchronize(0), what))
        return -1;
    made[device] = true;
    return 0;
}

const struct dct_table *telu_dct_table(void)
{
    void *p = NULL;

    return telu_cuda_check(cudaGetSymbolAddress(&p, table), "mdct, tables") ?
           NULL : (const struct dct_table *)p;
}

/* --- The transforms ------------------------------------------------------- */

/* Four floats at any alignment. */
static __device__ inline void store(float *p, float4 v)
{
    p[0] = v.x;
    p[1] = v.y;
    p[2] = v.z;
    p[3] = v.w;
}

/* ALIGNED: y is aligned to float4. */
template <int ALIGNED>
static __global__ void __launch_bounds__(THREADS) mdct(float *y, const float *x, int hops, int H)
{
    __shared__ __align__(16) float u[N][STRIDE];
    int t = threadIdx.x, q = t % DCT_FOURS, group = t / DCT_FOURS * EACH, first = blockIdx.x * HOPS;
    float4 sum[EACH];

    #pragma unroll 4
    for (int k = 0; k < HOPS; k++) {
        int hop = first + k;               /* an item has one more hop of samples */

        u[t][k] = hop < hops ? dct_fold(&table, x + (size_t)(hop + hop / H) * N, t) : 0.0f;
    }
    __syncthreads();
    dct<EACH>(sum, u[0] + group, STRIDE, &table, q);
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        float *to = y + (size_t)(first + group + i) * N + 4 * q;

        if (first + group + i >= hops)
            return;
        if (ALIGNED)
            store_float4(to, 0, sum[i]);
        else
            store(to, sum[i]);
    }
}

/* A block computes HOPS - 1 hops of samples from their coefficients and those of the hop before.
 * `slots` counts hops of samples; the last one of an item has no coefficients. */
static __global__ void __launch_bounds__(THREADS) imdct(float *y, const float *x, int slots, int H)
{
    __shared__ __align__(16) float u[N][STRIDE];
    __shared__ __align__(16) float v[HOPS][N];
    int t = threadIdx.x, q = t % DCT_FOURS, group = t / DCT_FOURS * EACH;
    int first = blockIdx.x * (HOPS - 1) - 1;
    float4 sum[EACH];

    #pragma unroll 4
    for (int k = 0; k < HOPS; k++) {
        int slot = first + k, item = slot / (H + 1), whole = slot >= 0 && slot < slots &&
                                                             slot % (H + 1) < H;

        u[t][k] = whole ? x[(size_t)(slot - item) * N + t] : 0.0f;
    }
    __syncthreads();
    dct<EACH>(sum, u[0] + group, STRIDE, &table, q);
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        store_float4(v[group + i], q, sum[i]);
    __syncthreads();
    for (int k = 1; k < HOPS && first + k < slots; k++)
        y[(size_t)(first + k) * N + t] = dct_unfold(&table, v[k - 1], v[k], t);
}

int telu_mdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    void (*kernel)(float *, const float *, int, int) = float4_aligned(y) ? mdct<1> : mdct<0>;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int hops = B * H;

    if (!cuda || telu_mdct_ready_cuda())
        return -1;
    TELU_LAUNCH(kernel, (hops + HOPS - 1) / HOPS, THREADS, 0, cuda->stream, y, x, hops,
                H);
    return telu_cuda_launched("mdct");
}

int telu_imdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int slots = B * (H + 1);

    if (!cuda || telu_mdct_ready_cuda())
        return -1;
    TELU_LAUNCH(imdct, (slots + HOPS - 2) / (HOPS - 1), THREADS, 0, cuda->stream, y, x,
                slots, H);
    return telu_cuda_launched("imdct");
}
