/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend_simd.c - vector table, and the choice between it and the plain one. */
#include "backend_host.h"

#include "compand.h"
#include "dwconv.h"
#include "gelu.h"
#include "head.h"
#include "linear.h"
#include "linear8.h"
#include "ltpf.h"
#include "mdct.h"
#include "nearest.h"
#include "norm.h"
#include "residual.h"

#include <stdlib.h>
#include <string.h>

const struct telu_backend telu_backend_simd = {
    .name = "simd",
    .available = telu_host_available,
    .alloc = telu_host_alloc,
    .release = telu_host_release,
    .upload = telu_host_copy,
    .download = telu_host_copy,
    .mdct = telu_mdct_simd,
    .imdct = telu_imdct_simd,
    .compand = telu_compand_simd,
    .linear = telu_linear_simd,
    .linear8 = telu_linear8_simd,
    .dwconv = telu_dwconv_simd,
    .dwconv_live = telu_dwconv_live_simd,
    .norm = telu_norm_simd,
    .gelu = telu_gelu_simd,
    .residual = telu_residual_simd,
    .head = telu_head_simd,
    .nearest = telu_nearest_simd,
    .ltpf = telu_ltpf_simd,
};

const struct telu_backend *telu_backend_cpu(void)
{
    const char *plain = getenv("TELUCODEC_PLAIN");

    return plain && strcmp(plain, "0") != 0 ? &telu_backend_c : &telu_backend_simd;
}
