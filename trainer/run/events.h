/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events.h - writes curves for TensorBoard: a file of records that grows during training. */
#ifndef EVENTS_H
#define EVENTS_H

#include "metrics.h"

#include <stdint.h>

struct events;

/* Creates folder/events.out.tfevents.SECONDS.telucodec; exits with the reason on failure. */
struct events *events_new(const char *folder);
void events_free(struct events *e);

/* Each finite number of m becomes a point of the curve group/name. */
void events_write(struct events *e, const char *group, const struct metrics *m,
                  int64_t step);

#endif
