/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* absent.c - the library that a module is linked to and does not find, as when
 * cuBLAS is not installed. */
int fake_absent(void);

int fake_absent(void)
{
    return 0;
}
