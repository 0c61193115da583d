/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* library_types.h - number types of cuBLAS and cuFFT. */
#ifndef TELU_SHIM_LIBRARY_TYPES_H
#define TELU_SHIM_LIBRARY_TYPES_H

#include "cuda_runtime_api.h"

typedef enum { CUDA_R_32F = 0, CUDA_R_16F = 2, CUDA_R_16BF = 14 } cudaDataType_t;
typedef cudaDataType_t cudaDataType;

typedef float2 cuComplex, cuFloatComplex;

#endif
