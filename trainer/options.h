/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h - what the command line says. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "config.h"

struct options {
    char *data_dir, *valid_dir, *checkpoint_dir, *experiment_name, *preset;
    char *export_path;
    int batch_size, num_epochs, seed, threads, resume;
    double learning_rate, segment_seconds, time_limit;
    struct telu_config config; /* that the preset names */
};

/* Takes --snake_case and --kebab-case alike. Prints help or a complaint and exits
 * when there is nothing to do. */
void options_parse(struct options *o, int *argc, char ***argv);

#endif
