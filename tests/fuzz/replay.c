/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* replay.c - runs a target of this folder on files, where libFuzzer is not: each argument is a
 * file or a folder of files. Each file is given in memory of exactly its size, so that a
 * sanitizer sees a read too far. */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static int files;

static void replay_file(const char *path)
{
    struct stat is;
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    size_t n;

    if (!f || fstat(fileno(f), &is)) {
        perror(path);
        exit(1);
    }
    data = malloc((size_t)is.st_size + !is.st_size);
    n = data ? fread(data, 1, (size_t)is.st_size, f) : 0;
    if (n != (size_t)is.st_size) {
        fprintf(stderr, "%s: %zu bytes were read, expected %lld\n", path, n,
                (long long)is.st_size);
        exit(1);
    }
    fclose(f);
    printf("%s\n", path);
    fflush(stdout);            /* the last line names the file that breaks the target */
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    files++;
}

static void replay_folder(DIR *dir, const char *path)
{
    struct dirent *entry;
    char file[4096];

    while ((entry = readdir(dir)))
        if (*entry->d_name != '.') {
            snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
            replay_file(file);
        }
    closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);

        if (dir)
            replay_folder(dir, argv[i]);
        else
            replay_file(argv[i]);
    }
    if (!files)
        fprintf(stderr, "usage: %s FILE|FOLDER ...; there is no file\n", *argv);
    return !files;
}
