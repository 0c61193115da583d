/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fft.cpp - cuFFT on the host: radix 2 in doubles for powers of two, else the direct sum.
 * Results are rounded to float once, so they are more exact than a device's.
 */
#include "cufft.h"
#include "state.h"

#include <complex>
#include <map>

typedef std::complex<double> number;

struct bands {
    int n, batch, ready;
    cufftType type;
    int in_stride, in_dist, out_stride, out_dist;
    bool automatic = true;     /* the plan's own work area */
    void *work = nullptr;
    cudaStream_t stream = 0;

    size_t work_bytes() const { return sizeof(cufftComplex) * (size_t)n * (size_t)batch; }
};

static std::map<int, bands> &plans = *new std::map<int, bands>();

#define TELU_FFT                                \
    telu_shim_entry telu_entry;                 \
    auto found = plans.find(h);                 \
    if (found == plans.end())                   \
        return CUFFT_INVALID_PLAN;              \
    if (telu_entry.error)                       \
        return CUFFT_EXEC_FAILED;               \
    bands &p = found->second

/* X_k = sum_j x_j exp(sign 2 pi i j k / n), in place. */
static void transform(std::vector<number> &x, int sign)
{
    size_t n = x.size();
    std::vector<number> turn(n);

    for (size_t i = 0; i < n; i++)
        turn[i] = std::polar(1.0, sign * 2.0 * M_PI * (double)i / (double)n);
    if (n & (n - 1)) {
        std::vector<number> y(n);

        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                y[k] += x[j] * turn[j * k % n];
        x = y;
        return;
    }
    for (size_t i = 1, j = 0; i < n; i++) {    /* bit reversal */
        size_t bit = n >> 1;

        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j)
            std::swap(x[i], x[j]);
    }
    for (size_t len = 2; len <= n; len *= 2)
        for (size_t i = 0; i < n; i += len)
            for (size_t j = 0; j < len / 2; j++) {
                number a = x[i + j], b = x[i + j + len / 2] * turn[j * (n / len)];

                x[i + j] = a + b;
                x[i + j + len / 2] = a - b;
            }
}

cufftResult cufftCreate(cufftHandle *h)
{
    static int next = 1;
    telu_shim_entry entry;

    if (entry.error)
        return CUFFT_SETUP_FAILED;
    *h = next++;
    plans[*h] = bands();
    return CUFFT_SUCCESS;
}

cufftResult cufftDestroy(cufftHandle h)
{
    telu_shim_entry entry(false);

    return plans.erase(h) ? CUFFT_SUCCESS : CUFFT_INVALID_PLAN;
}

cufftResult cufftMakePlanMany(cufftHandle h, int rank, int *n, int *inembed, int istride,
                              int idist, int *onembed, int ostride, int odist,
                              cufftType type, int batch, size_t *work)
{
    TELU_FFT;
    if (rank != 1 || n[0] < 1 || batch < 1)
        return rank == 1 ? CUFFT_INVALID_SIZE : CUFFT_NOT_SUPPORTED;
    if (p.ready)
        return CUFFT_INVALID_PLAN;
    int half = n[0] / 2 + 1;

    p.n = n[0];
    p.batch = batch;
    p.type = type;
    p.in_stride = inembed ? istride : 1;       /* without: packed */
    p.in_dist = inembed ? idist : type == CUFFT_C2R ? half : n[0];
    p.out_stride = onembed ? ostride : 1;
    p.out_dist = onembed ? odist : type == CUFFT_R2C ? half : n[0];
    if (p.in_stride < 1 || p.out_stride < 1 || p.in_dist < 0 || p.out_dist < 0)
        return CUFFT_INVALID_VALUE;
    p.ready = 1;
    *work = p.work_bytes();
    return CUFFT_SUCCESS;
}

cufftResult cufftMakePlan1d(cufftHandle h, int n, cufftType type, int batch, size_t *work)
{
    return cufftMakePlanMany(h, 1, &n, nullptr, 1, 0, nullptr, 1, 0, type, batch, work);
}

cufftResult cufftPlanMany(cufftHandle *h, int rank, int *n, int *inembed, int istride,
                          int idist, int *onembed, int ostride, int odist, cufftType type,
                          int batch)
{
    size_t work;
    cufftResult r = cufftCreate(h);

    return r ? r : cufftMakePlanMany(*h, rank, n, inembed, istride, idist, onembed, ostride,
                                     odist, type, batch, &work);
}

cufftResult cufftPlan1d(cufftHandle *h, int n, cufftType type, int batch)
{
    return cufftPlanMany(h, 1, &n, nullptr, 1, 0, nullptr, 1, 0, type, batch);
}

cufftResult cufftGetSize(cufftHandle h, size_t *work)
{
    TELU_FFT;
    *work = p.ready ? p.work_bytes() : 0;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle h, int on)
{
    TELU_FFT;
    p.automatic = on != 0;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle h, void *work)
{
    TELU_FFT;
    size_t left;

    if (!p.ready || telu_shim_where_is(work, &left) != TELU_DEVICE || left < p.work_bytes()) {
        telu_shim_mistake(cudaErrorInvalidValue, "cufftSetWorkArea: no plan, or too small");
        return CUFFT_INVALID_VALUE;
    }
    p.work = work;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle h, cudaStream_t s)
{
    TELU_FFT;
    if (!telu_shim_stream(s))
        return CUFFT_INVALID_VALUE;
    p.stream = s;
    return CUFFT_SUCCESS;
}

/* Locates the numbers of one transform of a batch; in: floats or pairs of floats. */
static void one(const bands &p, const float *in, float *out, int sign)
{
    std::vector<number> x((size_t)p.n);

    for (int i = 0; i < p.n; i++) {
        if (p.type == CUFFT_R2C) {
            x[i] = in[(size_t)i * p.in_stride];
            continue;
        }
        /* the upper half of a real signal's spectrum mirrors the lower half */
        bool mirror = p.type == CUFFT_C2R && i > p.n / 2;
        const float *z = in + 2 * (size_t)(mirror ? p.n - i : i) * p.in_stride;

        x[i] = number(z[0], mirror ? -z[1] : z[1]);
        if (p.type == CUFFT_C2R && (i == 0 || 2 * i == p.n))
            x[i].imag(0.0);
    }
    transform(x, sign);
    int n = p.type == CUFFT_R2C ? p.n / 2 + 1 : p.n;

    for (int i = 0; i < n; i++) {
        size_t at = (size_t)i * p.out_stride;

        if (p.type == CUFFT_C2R) {
            out[at] = (float)x[i].real();
        } else {
            out[2 * at] = (float)x[i].real();
            out[2 * at + 1] = (float)x[i].imag();
        }
    }
}

static bool reaches(const void *at, long n, int stride, int dist, int batch, size_t each)
{
    size_t left, bytes = ((size_t)(n - 1) * stride + (size_t)(batch - 1) * dist + 1) * each;

    return telu_shim_where_is(at, &left) != TELU_HOST && bytes <= left;
}

static cufftResult run(cufftHandle h, cufftType type, float *in, float *out, int sign)
{
    TELU_FFT;
    size_t in_each = type == CUFFT_R2C ? 4 : 8, out_each = type == CUFFT_C2R ? 4 : 8;
    int half = p.n / 2 + 1;

    if (!p.ready || p.type != type)
        return CUFFT_INVALID_PLAN;
    if (!p.automatic && !p.work)
        return CUFFT_NO_WORKSPACE;
    if (!reaches(in, type == CUFFT_C2R ? half : p.n, p.in_stride, p.in_dist, p.batch, in_each) ||
        !reaches(out, type == CUFFT_R2C ? half : p.n, p.out_stride, p.out_dist, p.batch,
                 out_each)) {
        telu_shim_mistake(cudaErrorInvalidValue, "cufftExec: an array is not of the device or "
                                                 "too short");
        return CUFFT_INVALID_VALUE;
    }
    if (!telu_shim_capturing(p.stream))
        shim.counts.library++;
    bands copy = p;

    return telu_shim_submit(copy.stream, [=] {
        for (int b = 0; b < copy.batch; b++)
            one(copy, in + (size_t)b * copy.in_dist * (in_each / 4),
                out + (size_t)b * copy.out_dist * (out_each / 4), sign);
        /* cuFFT leaves undefined values there */
        if (copy.work)
            memset(copy.work, TELU_POISON, copy.work_bytes());
        for (int b = 0; b < copy.batch && type == CUFFT_C2R && in != out; b++)
            for (int i = 0; i < half; i++)
                memset(in + 2 * ((size_t)b * copy.in_dist + (size_t)i * copy.in_stride),
                       TELU_POISON, 8);
    }, true) ? CUFFT_EXEC_FAILED : CUFFT_SUCCESS;
}

cufftResult cufftExecR2C(cufftHandle h, cufftReal *in, cufftComplex *out)
{
    return run(h, CUFFT_R2C, in, (float *)out, -1);
}

cufftResult cufftExecC2R(cufftHandle h, cufftComplex *in, cufftReal *out)
{
    return run(h, CUFFT_C2R, (float *)in, out, 1);
}

cufftResult cufftExecC2C(cufftHandle h, cufftComplex *in, cufftComplex *out, int direction)
{
    if (direction != CUFFT_FORWARD && direction != CUFFT_INVERSE)
        return CUFFT_INVALID_VALUE;
    return run(h, CUFFT_C2C, (float *)in, (float *)out, direction);
}
