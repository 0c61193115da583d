/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* missing_library.c - a library that a module is linked to and does not find, as when
 * cuBLAS is not installed. */
int fake_dependency(void);

int fake_dependency(void)
{
    return 0;
}
