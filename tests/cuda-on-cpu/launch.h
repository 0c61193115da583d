/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch.h - TELU_LAUNCH and TELU_SHARED for the host, see kernels/cuda/device.h. */
#ifndef TELU_SHIM_LAUNCH_H
#define TELU_SHIM_LAUNCH_H

#include "cuda_runtime_api.h"
#include "device_functions.h"

#include <functional>
#include <tuple>
#include <type_traits>

struct telu_shim_kernel {
    const char *name;
    const void *function;
    dim3 grid, block;
    size_t shared;
    std::function<void()> run;             /* one thread */
    const void *pointers[64];              /* pointers among the arguments */
    int n;
};

void telu_shim_launch(const telu_shim_kernel &kernel, cudaStream_t stream);

template <class T> static inline void telu_shim_note(telu_shim_kernel &k, const T &arg)
{
    if constexpr (std::is_pointer<T>::value && !std::is_function<
                      typename std::remove_pointer<T>::type>::value)
        k.pointers[k.n++] = (const void *)arg;
    else
        (void)arg;
}

/* Copies the arguments at the call, like CUDA. */
template <class... P, class... A>
static inline void telu_shim_call(const char *name, void (*kernel)(P...), dim3 grid,
                                  dim3 block, size_t shared, cudaStream_t stream, A... args)
{
    static_assert(sizeof...(P) <= 64, "too many arguments");
    std::tuple<typename std::remove_cv<P>::type...> all(args...);
    telu_shim_kernel k = {name, (const void *)kernel, grid, block, shared, {}, {}, 0};

    std::apply([&](const auto &...arg) { (telu_shim_note(k, arg), ...); }, all);
    k.run = [kernel, all] { std::apply(kernel, all); };
    telu_shim_launch(k, stream);
}

#define TELU_LAUNCH(kernel, grid, block, shared, stream, ...)                          \
    telu_shim_call(#kernel, kernel, dim3(grid), dim3(block), (size_t)(shared), stream, \
                   ##__VA_ARGS__)
#define TELU_SHARED(type, name) \
    type *const name = (type *)telu_shim_shared(alignof(type))

#endif
