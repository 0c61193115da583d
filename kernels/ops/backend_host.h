/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend_host.h - memory functions of the tables that run on the CPU. */
#ifndef TELU_BACKEND_HOST_H
#define TELU_BACKEND_HOST_H

#include "backend.h"

bool telu_host_available(void);
void *telu_host_alloc(size_t bytes);
void telu_host_release(void *p);
int telu_host_copy(void *dst, const void *src, size_t bytes);

#endif
