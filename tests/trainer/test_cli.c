/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_cli.c TELUCODEC-TRAIN - tests the program from its command line: a folder of 33 short files
 * becomes weights, which can be measured, exported and learnt from; each impossible request ends
 * with a sentence that says why. */
#include "cli.h"
#include "json.h"
#include "pcm.h"
#include "wav.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Complaints --------------------------------------------------------- */

static void test_options(void)
{
    static const struct { const char *args, *word; } bad[] = {
        { "--batch_size 0", "--batch_size is 0, expected 1 to 4096" },
        { "--batch-size=-3", "--batch_size is -3" },
        { "--batch_size many", "many" },
        { "--num_epochs 0", "--num_epochs is 0" },
        { "--learning_rate nan", "--learning_rate is nan" },
        { "--learning_rate 0", "--learning_rate is 0" },
        { "--segment_seconds 0.1", "--segment_seconds is 0.1" },
        { "--sample_rate 8000", "--sample_rate is 8000" },
        { "--device cuda", "--device is cuda, but there is none: The CUDA module" },
        { "--precision bf16 --device cpu", "--precision is bf16" },
        { "--precision fp8", "--precision is fp8" },
        { "--device tpu", "--device is tpu" },
        { "--preset huge", "--preset is huge" },
        { "--postnet -1", "--postnet is -1, expected 0 or more" },
        { "--time_limit -1", "--time_limit is -1" },
        { "--repeat te", "--repeat is te" },
        { "--init no-such-weights", "no-such-weights: no such weight file" },
        { "--evaluate no-such-weights", "no-such-weights: no such weight file" },
        { "--dry_run --export x", "give one" },
        { "--pack x", "--pack x wants --export FILE" },
        { "--pack x --export y --init z", "--pack changes no weights: leave" },
        { "--pack x --export y --licence z", "--pack keeps the texts of x" },
        { "--pack no-such-weights --export x", "no-such-weights: no such weight file" },
        { "--teach", "--teach" },
        { "stray", "what is stray?" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        expect(run("--data_dir %s --checkpoint_dir %s/bad --preset tiny %s", speech,
                   dir, bad[i].args),
               1, bad[i].word, bad[i].args);
    expect(run("--preset tiny"), 1, "--data_dir is missing", "no data_dir");
    expect(run("--data_dir %s/nowhere --checkpoint_dir %s/bad", dir, dir), 1,
           "no such folder", "a folder that is not there");
    expect(run("--data_dir %s --checkpoint_dir %s/bad --export x", speech, dir), 1,
           "no such checkpoint", "nothing to export");
    expect(run("--help"), 0, "--experiment-name", "help");
}

/* Root may write anywhere, so a file in the folder's place stops every user. */
static void test_unwritable(void)
{
    char *file = in("file");

    g_file_set_contents(file, "x", 1, NULL);
    expect(run("--data_dir %s --checkpoint_dir %s --preset tiny", speech, file), 1,
           file, "a file in the place of the folder");
    g_free(file);
}

static void test_dry_run(void)
{
    char *runs = in("dry");

    expect(run("--data_dir %s --checkpoint_dir %s --preset tiny --dry-run "
               "--repeat speaker1=3",
               speech, runs),
           0, "nothing was written", "dry run");
    check(!g_file_test(runs, G_FILE_TEST_EXISTS), "a dry run makes", runs);
    g_free(runs);
}

/* --- 33 short files ----------------------------------------------------- */

static double column(const char *csv, int row, const char *name)
{
    char **lines = g_strsplit(csv, "\n", -1), **names, **values;
    double value = NAN;

    if ((int)g_strv_length(lines) > row + 1) {
        names = g_strsplit(lines[0], ",", -1);
        values = g_strsplit(lines[row], ",", -1);
        for (int i = 0; names[i] && values[i]; i++)
            if (!strcmp(names[i], name) && *values[i])
                value = g_ascii_strtod(values[i], NULL);
        g_strfreev(names);
        g_strfreev(values);
    }
    g_strfreev(lines);
    return value;
}

/* Writes one-second pieces of a real voice, spread over the clip. */
static void cut(const char *folder, int files)
{
    const char *clip = getenv("TELUCODEC_TEST_CLIP");
    GError *error = NULL;
    gsize n;
    float *pcm = pcm_read(clip ? clip : "", 16000, &n, &error);

    if (!pcm || n < 32000) {
        printf("TELUCODEC_TEST_CLIP is %s: %s\n", clip ? clip : "not set", error ? error->message
                                                              : "too short");
        exit(1);
    }
    g_mkdir_with_parents(folder, 0777);
    for (int i = 0; i < files; i++) {
        char *path = g_strdup_printf("%s/%d.wav", folder, i);

        wav_write(path, pcm + (n - 16000) * i / files, 16000, 1, 16000);
        g_free(path);
    }
    g_free(pcm);
}

static void test_33_files(void)
{
    static const char *const left[] = { "last.ckpt", "best.ckpt", "metrics.csv",
                                        "model.safetensors", "report.html" };
    char *files = in("33"), *csv, *page;

    cut(files, 33);
    expect(run("--data_dir %s --checkpoint_dir %s/runs --experiment_name short "
               "--batch_size 16 --num_epochs 25 --learning_rate 1e-3 --preset tiny "
               "--licence CC-BY --language Telugu", files, dir), 0, "wrote", "33 files");
    for (size_t i = 0; i < G_N_ELEMENTS(left); i++) {
        char *path = g_build_filename(dir, "runs", "short", left[i], NULL);

        check(g_file_test(path, G_FILE_TEST_IS_REGULAR), "a run leaves no", left[i]);
        g_free(path);
    }
    csv = content("runs/short/metrics.csv");
    page = content("runs/short/report.html");
    check(page && strlen(page) > 100000 && strstr(page, "<svg"), "report", page);
    if (csv) {
        for (int i = 1; i <= 25; i++)
            number(isfinite(column(csv, i, "mel")) && column(csv, i, "epoch") == i &&
                   column(csv, i, "skipped") == 0, "loss of an epoch",
                   column(csv, i, "mel"));
        number(column(csv, 25, "mel") < 0.9 * column(csv, 1, "mel"),
               "loss of the last epoch", column(csv, 25, "mel"));
        number(column(csv, 1, "snr_16k") > 20.0, "SNR at 16 kbit/s after one epoch",
               column(csv, 1, "snr_16k"));
        number(fabs(column(csv, 25, "mean_16k")) < 1e-3, "mean of the output",
               column(csv, 25, "mean_16k"));
        number(fabs(column(csv, 25, "std_16k") - 1.0) < 0.05, "level of the output",
               column(csv, 25, "std_16k"));
    }
    g_free(csv);
    g_free(page);
    g_free(files);
}

/* Returns the bytes of a tensor in a weight file, or NULL. */
static GBytes *tensor(const char *path, const char *name)
{
    char *bytes = NULL, *key = g_strdup_printf("\"%s\":{", name), *at;
    GBytes *all = NULL, *found = NULL;
    guint64 head = 0, from, to;
    gsize n = 0;

    if (g_file_get_contents(path, &bytes, &n, NULL) && n > sizeof(head)) {
        memcpy(&head, bytes, sizeof(head));
        all = g_bytes_new_take(bytes, n);
        at = g_strstr_len(bytes + sizeof(head), (gssize)head, key);
        at = at ? strstr(at, "\"data_offsets\":[") : NULL;
        if (at && sscanf(at, "\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT,
                         &from, &to) == 2)
            found = g_bytes_new_from_bytes(all, sizeof(head) + head + from, to - from);
        g_bytes_unref(all);
    }
    g_free(key);
    return found;
}

/* Without a checkpoint, --init gives the network to export: its weights and codes stay, its tables
 * are fitted to other speech. */
static void test_export_init(void)
{
    static const struct { const char *name; int same; } all[] = {
        { "enc.in.w", 1 }, { "dec.value.w", 1 }, { "vq.0.book", 1 }, { "vq.3.book", 1 },
        { "tab.freq", 0 }, { "tab.level", 0 },
        { "tab.code", 0 }, { "tab.lambda", 0 },
    };
    char *model = in("runs/short/model.safetensors"), *anew = in("anew.safetensors");
    char *folder = in("runs/none"), *silent = in("near-silence"), *quiet;
    static float soft[48000];

    g_mkdir(silent, 0777);
    quiet = g_build_filename(silent, "x.wav", NULL);

    expect(run("--init %s --data_dir %s --checkpoint_dir %s/runs --experiment_name none "
               "--export %s", model, speech, dir, anew), 0, "wrote", "export of a weight file");
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        GBytes *a = tensor(model, all[i].name), *b = tensor(anew, all[i].name);

        check(a && b && g_bytes_equal(a, b) == all[i].same,
              all[i].same ? "an export of a weight file changes" : "an export does not fit",
              all[i].name);
        g_bytes_unref(a);
        g_bytes_unref(b);
    }
    check(!g_file_test(folder, G_FILE_TEST_EXISTS), "an export of a weight file makes", folder);
    expect(run("--evaluate %s --valid_dir %s", anew, speech), 0, "base3k", "evaluate the export");
    for (int i = 0; i < 48000; i++)
        soft[i] = i % 2 ? 3e-6f : -3e-6f;
    wav_write(quiet, soft, 48000, 1, 16000);
    expect(run("--evaluate %s --valid_dir %s", anew, silent), 0, "nothing measured",
           "evaluate near silence");
    g_free(silent);
    g_free(quiet);
    g_free(model);
    g_free(anew);
    g_free(folder);
}

/* A packed file is smaller, keeps the id, is measured like its source, and can be learnt from. */
static void test_pack(void)
{
    char *model = in("runs/short/model.safetensors"), *packed = in("packed.safetensors");
    char *id, *again = in("again.safetensors"), *floats, *integers;
    GStatBuf a, b;
    struct result r;

    expect(run("--pack %s --export %s", model, packed), 0, "wrote", "pack");
    number(!g_stat(model, &a) && !g_stat(packed, &b) && b.st_size < a.st_size,
           "bytes of a packed file", (double)b.st_size);
    expect(run("--pack %s --export %s", packed, again), 1, "integers already", "pack twice");
    check(!g_file_test(again, G_FILE_TEST_EXISTS), "a refused --pack makes", again);

    r = run("--evaluate %s --valid_dir %s", model, speech);
    floats = g_strndup(strchr(r.text, '\n'), strstr(r.text, "layers of") - strchr(r.text, '\n'));
    id = g_strndup(strstr(r.text, "model id ") ? strstr(r.text, "model id ") : "", 9 + 64);
    g_free(r.text);
    r = run("--evaluate %s --valid_dir %s", packed, speech);
    integers = strchr(r.text, '\n');
    check(strstr(r.text, id) && integers && strlen(floats) > 300 &&
          g_str_has_prefix(integers, floats), "figures of packed weights", r.text);
    expect(r, 0, "has no floats to compare", "evaluate packed weights");

    expect(run("--init %s --data_dir %s --checkpoint_dir %s/runs --experiment_name of-packed "
               "--num_epochs 1 --batch_size 4", packed, speech, dir), 0,
           "holds integers of 8 bits and scales: training begins at their products",
           "fine-tuning of packed weights");
    expect(run("--init %s --data_dir %s --checkpoint_dir %s/runs --experiment_name none "
               "--export %s", packed, speech, dir, again), 0, "wrote", "export of packed weights");
    g_free(floats);
    g_free(id);
    g_free(again);
    g_free(packed);
    g_free(model);
}

/* The run's weight file holds its metadata, can be evaluated, and can start another run. */
static void test_weights(void)
{
    char *model = in("runs/short/model.safetensors");
    GString *file = g_string_new(NULL);
    char *bytes;
    gsize n;

    if (g_file_get_contents(model, &bytes, &n, NULL)) {
        g_string_append_len(file, bytes + 8, n < 3000 ? (gssize)n - 8 : 3000);
        g_free(bytes);
    }
    check(strstr(file->str, "\"licence\":\"CC-BY\"") != NULL, "no licence", file->str);
    check(strstr(file->str, "\"language\":\"Telugu\"") != NULL, "no language", file->str);
    check(strstr(file->str, "31 files") && strstr(file->str, "--preset tiny") &&
          strstr(file->str, "steps") && !strstr(file->str, dir), "training", file->str);
    expect(run("--evaluate %s --valid_dir %s", model, speech), 0, "base3k", "evaluate");
    expect(
        run("--init %s --data_dir %s --checkpoint_dir %s/runs --experiment_name fine "
            "--num_epochs 1 --batch_size 4",
            model, speech, dir),
        0, "from the weights in", "fine-tuning");
    expect(run("--init %s --preset fast --data_dir %s --checkpoint_dir %s/runs "
               "--experiment_name other", model, speech, dir), 1, "another network",
           "fine-tuning at another size");
    expect(run("--data_dir %s --checkpoint_dir %s/runs --experiment_name short "
               "--preset tiny", speech, dir), 1, "exists: give --resume",
           "a folder that is in use");
    expect(
        run("--data_dir %s --checkpoint_dir %s/runs --experiment_name short --resume "
            "--preset fast",
            speech, dir),
        1, "another network", "a checkpoint of another architecture");
    g_string_free(file, TRUE);
    g_free(model);
}

/* Too high a rate ruins the network in an epoch: the weight file keeps the start, whose figures it
 * has, and the report says so. */
static void test_worse(void)
{
    char *model = in("runs/short/model.safetensors"), *csv, *page;

    expect(run("--init %s --data_dir %s --checkpoint_dir %s/runs --experiment_name worse "
               "--num_epochs 3 --batch_size 4 --learning_rate 1", model, speech, dir), 0,
           "Training made it worse", "fine-tuning at too high a rate");
    csv = content("runs/worse/metrics.csv");
    page = content("runs/worse/report.html");
    if (csv) {
        number(column(csv, 1, "epoch") == 0 && isfinite(column(csv, 1, "snr_16k")),
               "epoch of the start", column(csv, 1, "epoch"));
        number(column(csv, 4, "net_snr_16") < column(csv, 1, "net_snr_16") - 1.0,
               "SNR after too high a rate", column(csv, 4, "net_snr_16"));
    }
    check(page && strstr(page, "has the network of the start"), "no verdict in the report", NULL);
    for (size_t i = 0; csv && i < 2; i++) {
        static const char *const name[] = { "enc.in.w", "vq.0.book" };
        char *path = in("runs/worse/model.safetensors");
        GBytes *a = tensor(model, name[i]), *b = tensor(path, name[i]);

        check(a && b && g_bytes_equal(a, b), "the weight file has not the start's", name[i]);
        g_bytes_unref(a);
        g_bytes_unref(b);
        g_free(path);
    }
    g_free(model);
    g_free(page);
    g_free(csv);
}

/* At a rate that takes the weights out of what a codec loads, training goes on, and the weight file
 * has the best network. */
static void test_overflow(void)
{
    struct result r = run("--data_dir %s --checkpoint_dir %s/runs --experiment_name overflow "
                          "--preset tiny --num_epochs 30 --batch_size 2 --learning_rate 1", speech,
                          dir);
    char *model = in("runs/overflow/model.safetensors");

    check(strstr(r.text, "the codec is not measured: tensor ") != NULL, "too large weights",
          r.text);
    expect(r, 0, "Training made it worse", "training at far too high a rate");
    expect(run("--evaluate %s --valid_dir %s", model, speech), 0, "base3k", "its best network");
    g_free(model);
}

/* A folder of near silence: a report without numbers that are none. */
static void test_silence(void)
{
    char *silent = in("near-silence"), *page;

    expect(run("--data_dir %s --checkpoint_dir %s/runs --experiment_name silence --preset tiny "
               "--num_epochs 1 --batch_size 2", silent, dir), 0, "Bring louder recordings",
           "near silence");
    page = content("runs/silence/report.html");
    check(page && strstr(page, "Nothing was measured") && !strstr(page, ">nan") &&
          !strstr(page, ">-nan"), "report of near silence", "");
    g_free(page);
    g_free(silent);
}

/* A full disk cut metrics.csv in its last line, or before its first byte. */
static void test_cut_metrics(void)
{
    char *path = in("runs/short/metrics.csv"), *csv = content("runs/short/metrics.csv");

    for (int i = 0; csv && i < 2; i++) {
        g_file_set_contents(path, csv, i ? 0 : (gssize)strlen(csv) - 20, NULL);
        expect(run("--data_dir %s/33 --checkpoint_dir %s/runs --experiment_name short --resume "
                   "--num_epochs %d", dir, dir, 26 + i), 0, "wrote", "a metrics.csv that was cut");
    }
    g_free(csv);
    csv = content("runs/short/metrics.csv");
    number(csv && column(csv, 1, "epoch") == 27, "epochs after an empty metrics.csv",
           csv ? column(csv, 1, "epoch") : 0);
    g_free(csv);
    g_free(path);
}

/* --- For programs -------------------------------------------------------- */

/* Returns whether `text` is one JSON object a line, with events of these names in that order. */
static int has_events(const char *text, const char *const *want)
{
    char **lines = g_strsplit(text, "\n", -1);
    int whole = g_str_has_suffix(text, "\n");

    for (char **line = lines; whole && *line; line++) {
        struct telu_json_doc doc;
        const char *event;

        if (!**line && !line[1])
            break;
        if (telu_json_parse(&doc, "a line", *line, strlen(*line))) {
            whole = 0;
            break;
        }
        event = telu_json_string(telu_json_member(doc.node, "event"));
        if (*want && event && !strcmp(event, *want))
            want++;
        telu_json_free(&doc);
    }
    g_strfreev(lines);
    return whole && !*want;
}

static void test_lines(void)
{
    static const char *const trained[] = { "start", "epoch", "progress", "epoch", "quality",
                                           "layers", "end", NULL };
    static const char *const measured[] = { "quality", "layers", NULL },
                      *const tried[] = { "start", "dry_run", NULL };
    /* Progress is told once a second, in which a fast machine takes dozens of these epochs. */
    struct result r = run("--data_dir %s --checkpoint_dir %s/runs --experiment_name lines "
                          "--preset tiny --num_epochs 100000 --time_limit 0.1 --batch_size 2 "
                          "--json", speech, dir);

    check(r.code == 0 && has_events(r.text, trained), "--json", r.text);
    check(strstr(r.text, "\"snr_16k\":") && strstr(r.text, "\"seconds_left\":") &&
          strstr(r.text, "\"float_snr\":") &&
          strstr(r.text, "\"verdict\":\""), "keys of --json", r.text);
    g_free(r.text);
    r = run("--data_dir %s --evaluate %s/runs/lines/model.safetensors --json", speech, dir);
    check(r.code == 0 && has_events(r.text, measured), "--evaluate --json", r.text);
    g_free(r.text);
    r = run("--data_dir %s --checkpoint_dir %s/none --preset tiny --dry_run --json", speech, dir);
    check(r.code == 0 && has_events(r.text, tried), "--dry_run --json", r.text);
    g_free(r.text);
    r = run("--data_dir %s --checkpoint_dir %s/runs --experiment_name lines --resume "
            "--num_epochs 100000 --time_limit 0.11 --quiet", speech, dir);
    check(r.code == 0 && !*r.text, "--quiet", r.text);
    g_free(r.text);
    expect(run("--data_dir %s/nowhere --quiet", dir), 1, "no such folder", "an error with --quiet");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        printf("usage: test_cli TELUCODEC-TRAIN\n");
        return 1;
    }
    cli_begin(argv[1]);
    test_options();
    test_unwritable();
    test_dry_run();
    test_33_files();
    test_weights();
    test_export_init();
    test_pack();
    test_lines();
    test_worse();
    test_overflow();
    test_silence();
    test_cut_metrics();
    return cli_end();
}
