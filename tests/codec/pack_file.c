/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack_file.c FROM TO - makes a weight file of integers, for tests that want one. */
#include "pack.h"

#include "telu.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    char id[65];

    if (argc == 3 && !pack_weights(argv[1], argv[2], id))
        return 0;
    fprintf(stderr, "pack_file: %s\n", argc == 3 ? telu_error() : "expected FROM TO");
    return 1;
}
