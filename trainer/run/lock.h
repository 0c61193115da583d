/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lock.h - one trainer in a folder at a time. */
#ifndef LOCK_H
#define LOCK_H

/* Takes folder/lock until the process ends, however it ends. Exits with a message when
 * another process has it. */
void lock_folder(const char *folder);

#endif
