/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* change_grad.h - gradient of telu_postnet_change(). */
#ifndef CHANGE_GRAD_H
#define CHANGE_GRAD_H

#include "postnet.h"

/* dy [320]: gradient with respect to the corrected packet -> doo [TELU_POSTNET_OUTPUTS]: with
 * respect to the outputs o. p: as in the forward. */
void change_grad(float *doo, const float *dy, const float *o, const struct telu_postnet_packet *p);

#endif
