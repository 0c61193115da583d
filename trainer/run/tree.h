/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree.h - orders a codebook so that the first bits of a code give its rough position
 * (FORMAT.md, "Base only": a prefix means the mean of the codes under it).
 *
 *            1024 codes
 *          0 /        \ 1           halves of equal size, again and again, each
 *          512        512           parted across the direction of most spread
 */
#ifndef TREE_H
#define TREE_H

/* book (codes, dim); codes a power of two. usage (codes): how often each code is chosen;
 * NULL: all alike. order [codes]: row i of the new book is row order[i] of the old one.
 * Returns 0, or -1 and telu_error(). */
int tree_order(int *order, const float *book, int codes, int dim, const float *usage);

/* Applies order to any (codes, width) array, in place. Returns 0, or -1 and telu_error(). */
int tree_permute(float *rows, int codes, int width, const int *order);

#endif
