/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* copy.cpp - copies and sets of memory, with checks of kind and bounds.
 *
 * Like on a device, the host's unpinned memory is free for reuse when the call returns.
 */
#include "state.h"

struct rectangle {
    char *to;
    const char *from;
    size_t to_pitch, from_pitch, width, height;
};

static bool reaches(const void *p, size_t pitch, size_t width, size_t height, bool device,
                    bool any)
{
    size_t left, n = height ? pitch * (height - 1) + width : 0;
    telu_shim_where where = telu_shim_where_is(p, &left);

    return (any || (where == TELU_DEVICE) == device) && n <= left;
}

static cudaError_t inspect(const rectangle &r, enum cudaMemcpyKind kind)
{
    bool any = kind == cudaMemcpyDefault;
    bool out = kind == cudaMemcpyHostToHost || kind == cudaMemcpyDeviceToHost;
    bool in = kind == cudaMemcpyHostToHost || kind == cudaMemcpyHostToDevice;

    if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
        return telu_shim_last(cudaErrorInvalidMemcpyDirection);
    if (r.width > r.to_pitch || r.width > r.from_pitch)
        return telu_shim_mistake(cudaErrorInvalidValue, "a copy wider than its pitch");
    if (!reaches(r.to, r.to_pitch, r.width, r.height, !out, any))
        return telu_shim_mistake(cudaErrorInvalidValue, "a copy of %zu x %zu bytes, kind %d: "
                                 "it would not end in one piece of such memory", r.height,
                                 r.width, (int)kind);
    if (!reaches(r.from, r.from_pitch, r.width, r.height, !in, any))
        return telu_shim_mistake(cudaErrorInvalidValue, "a copy of %zu x %zu bytes, kind %d: "
                                 "it does not begin in one piece of such memory", r.height,
                                 r.width, (int)kind);
    return cudaSuccess;
}

static void move(const rectangle &r)
{
    for (size_t i = 0; i < r.height; i++)
        memmove(r.to + i * r.to_pitch, r.from + i * r.from_pitch, r.width);
}

static void tally(cudaStream_t stream, size_t bytes)
{
    if (telu_shim_capturing(stream))
        return;
    shim.counts.copies++;
    shim.counts.copied += (long)bytes;
}

static cudaError_t copy(const rectangle &r, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    size_t left;
    cudaError_t e = inspect(r, kind);

    if (e || r.width == 0 || r.height == 0)
        return e;
    tally(stream, r.width * r.height);
    if (!shim.lazy || telu_shim_capturing(stream))
        return telu_shim_submit(stream, [r] { move(r); }, false);
    if (telu_shim_where_is(r.from, &left) == TELU_HOST) {
        std::vector<char> kept(r.width * r.height);

        move({kept.data(), r.from, r.width, r.from_pitch, r.width, r.height});
        return telu_shim_submit(stream, [r, kept] {
            move({r.to, kept.data(), r.to_pitch, r.width, r.width, r.height});
        }, false);
    }
    e = telu_shim_submit(stream, [r] { move(r); }, false);
    if (!e && telu_shim_where_is(r.to, &left) == TELU_HOST)
        telu_shim_drain(telu_shim_stream(stream));
    return e;
}

/* Copies, and waits. */
static cudaError_t copy_now(const rectangle &r, enum cudaMemcpyKind kind)
{
    cudaError_t e = telu_shim_not_while_capturing("cudaMemcpy");

    if (e || (e = copy(r, kind, 0)) != cudaSuccess)
        return e;
    shim.counts.waits++;
    telu_shim_drain(telu_shim_stream(0));
    return telu_shim_last(shim.sticky);
}

static rectangle line(void *to, const void *from, size_t bytes)
{
    return {(char *)to, (const char *)from, bytes, bytes, bytes, 1};
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind)
{
    TELU_CALL;
    return copy_now(line(to, from, bytes), kind);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                            enum cudaMemcpyKind kind, cudaStream_t stream)
{
    TELU_CALL;
    return copy(line(to, from, bytes), kind, stream);
}

cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                         size_t width, size_t height, enum cudaMemcpyKind kind)
{
    TELU_CALL;
    return copy_now({(char *)to, (const char *)from, to_pitch, from_pitch, width, height},
                    kind);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from,
                              size_t from_pitch, size_t width, size_t height,
                              enum cudaMemcpyKind kind, cudaStream_t stream)
{
    TELU_CALL;
    return copy({(char *)to, (const char *)from, to_pitch, from_pitch, width, height}, kind,
                stream);
}

static cudaError_t set(void *p, size_t pitch, int value, size_t width, size_t height,
                       cudaStream_t stream)
{
    if (width > pitch || !reaches(p, pitch, width, height, true, false))
        return telu_shim_mistake(cudaErrorInvalidValue, "a set of %zu x %zu bytes that do not "
                                 "lie in one piece of device memory", height, width);
    if (width == 0 || height == 0)
        return cudaSuccess;
    tally(stream, width * height);
    return telu_shim_submit(stream, [=] {
        for (size_t i = 0; i < height; i++)
            memset((char *)p + i * pitch, value, width);
    }, false);
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream)
{
    TELU_CALL;
    return set(p, bytes, value, bytes, 1, stream);
}

cudaError_t cudaMemset2DAsync(void *p, size_t pitch, int value, size_t width,
                              size_t height, cudaStream_t stream)
{
    TELU_CALL;
    return set(p, pitch, value, width, height, stream);
}

cudaError_t cudaMemset(void *p, int value, size_t bytes)
{
    return cudaMemsetAsync(p, value, bytes, 0);
}

cudaError_t cudaMemset2D(void *p, size_t pitch, int value, size_t width, size_t height)
{
    return cudaMemset2DAsync(p, pitch, value, width, height, 0);
}
