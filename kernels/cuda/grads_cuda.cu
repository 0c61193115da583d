/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grads_cuda.cu - table of backward ops on a device. */
#include "grads.h"

#include "dwconv.h"
#include "gelu.h"
#include "head.h"
#include "linear.h"
#include "norm.h"
#include "residual.h"

extern "C" const struct telu_grads telu_grads_cuda = {
    &telu_backend_cuda, telu_linear_grad_cuda, telu_dwconv_grad_cuda, telu_norm_grad_cuda,
    telu_gelu_grad_cuda, telu_residual_grad_cuda, telu_head_grad_cuda,
};
