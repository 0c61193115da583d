/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vq.cuh - the arguments of all kernels of a quantiser stage, see vq.cu. */
#ifndef VQ_CUH
#define VQ_CUH

#include "gpu.cuh"

struct stage_args {
    struct gpu_state *state;
    const struct gpu_order *order;
    int s, D, T, codes;

    __device__ int rows() const { return order->items[s] * T; }
};

/* search.cu: computes st.index and t->chose from st.z, st.book and t->norm, and then
 * t->chosen. */
int gpu_search(struct training *t, struct stage_args p, const struct gpu_stage &st);
int gpu_gather_choices(struct training *t, struct stage_args p, const struct gpu_stage &st);

#endif
