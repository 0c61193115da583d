/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h - the options of the command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "config.h"

#include <stddef.h>

struct options {
    char *data_dir, *valid_dir, *checkpoint_dir, *experiment_name, *preset, *device;
    char *precision;
    char *init, *evaluate, *export_path, *pack, *licence, *language;
    char **repeat;             /* NULL-ended; NULL: none */
    int postnet;               /* steps of the post-network; 0: none */
    struct telu_postnet_config postnet_config;     /* of the preset */
    int batch_size, num_epochs, seed, threads, resume, dry_run;
    int quiet, json;           /* lines.h */
    double learning_rate, segment_seconds, time_limit;
    int preset_given;
    struct telu_config config; /* of the preset */
};

/* Accepts --snake_case and --kebab-case alike. Prints help or an error and exits when
 * there is nothing to do. threads is 0 when not given. */
void options_parse(struct options *o, int *argc, char ***argv);

/* Writes the options that decide the result as one command line; folders by name only. */
void options_text(const struct options *o, char *text, size_t size);

#endif
