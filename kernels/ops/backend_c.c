/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend_c.c - plain C table, the definition of each op. */
#include "backend_host.h"

#include "compand.h"
#include "dwconv.h"
#include "error.h"
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

bool telu_host_available(void)
{
    return true;
}

void *telu_host_alloc(size_t bytes)
{
    void *p = NULL;

    if (bytes <= SIZE_MAX - 64) {
        bytes = bytes ? (bytes + 63) & ~(size_t)63 : 64;
        p = aligned_alloc(64, bytes);
    }
    if (!p) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory: %zu bytes", bytes);
        return NULL;
    }
    return memset(p, 0, bytes);
}

void telu_host_release(void *p)
{
    free(p);
}

int telu_host_copy(void *dst, const void *src, size_t bytes)
{
    memcpy(dst, src, bytes);
    return 0;
}

const struct telu_backend telu_backend_c = {
    .name = "c",
    .available = telu_host_available,
    .alloc = telu_host_alloc,
    .release = telu_host_release,
    .upload = telu_host_copy,
    .download = telu_host_copy,
    .mdct = telu_mdct_c,
    .imdct = telu_imdct_c,
    .compand = telu_compand_c,
    .linear = telu_linear_c,
    .linear8 = telu_linear8_c,
    .dwconv = telu_dwconv_c,
    .dwconv_live = telu_dwconv_live_c,
    .norm = telu_norm_c,
    .gelu = telu_gelu_c,
    .residual = telu_residual_c,
    .head = telu_head_c,
    .nearest = telu_nearest_c,
    .ltpf = telu_ltpf_c,
};
