/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.h - turns a weight file of floats into one of the integers that opening it makes: its layers
 * take half the bytes, and it codes and decodes to the same bits. */
#ifndef PACK_H
#define PACK_H

/* Writes to `to` the weights of the file `from`, with its texts and its model id, which id
 * receives. Training from `to` begins at rounded weights: keep `from` for that. Returns 0, or -1
 * and telu_error(). */
int pack_weights(const char *from, const char *to, char id[65]);

#endif
