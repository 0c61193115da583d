/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cuda_runtime.h - CUDA for the host: see README.md. */
#ifndef TELU_SHIM_CUDA_RUNTIME_H
#define TELU_SHIM_CUDA_RUNTIME_H

#include "vector_types.h"
#include "device_functions.h"
#include "cuda_runtime_api.h"
#include "launch.h"

#endif
