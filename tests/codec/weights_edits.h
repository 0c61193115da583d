/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights_edits.h - for test_weights.c: the header of its good file is right but for
 * one place. */
#ifndef WEIGHTS_EDITS_H
#define WEIGHTS_EDITS_H

/* The config as it stands inside a JSON string. */
#define CONFIG "{\\\"enc_width\\\":6,\\\"enc_blocks\\\":1,\\\"dec_width\\\":70," \
    "\\\"dec_blocks\\\":2,\\\"kernel\\\":3,\\\"expand\\\":2,\\\"latent\\\":5," \
    "\\\"stages\\\":3,\\\"codes\\\":8,\\\"dim\\\":[2,4,3],\\\"env_stages\\\":2}"

/* The same of the largest network. */
#define LARGE_CONFIG "{\\\"enc_width\\\":1024,\\\"enc_blocks\\\":16,\\\"dec_width\\\":1024," \
    "\\\"dec_blocks\\\":16,\\\"kernel\\\":15,\\\"expand\\\":4,\\\"latent\\\":1024," \
    "\\\"stages\\\":1,\\\"codes\\\":2,\\\"dim\\\":[1],\\\"env_stages\\\":0}"

/* `find` is replaced by `put`; the error must hold `word`. */
static const struct {
    const char *name, *find, *put, *word;
} edits[] = {
    { "format", "\"telucodec\"", "\"other\"", "format" },
    { "no format", "\"format\"", "\"farmat\"", "format" },
    { "version 1", "\"version\":\"4\"", "\"version\":\"1\"", "before 0.4" },
    { "version 2", "\"version\":\"4\"", "\"version\":\"2\"", "before 0.4" },
    { "version 3", "\"version\":\"4\"", "\"version\":\"3\"", "before 0.4" },
    { "version 5", "\"version\":\"4\"", "\"version\":\"5\"", "'4'" },
    { "version a number", "\"version\":\"4\"", "\"version\":4", "version" },
    { "version missing", "\"version\"", "\"varsion\"", "version" },
    { "levels missing", "\"tab.level\"", "\"tab.levels\"", "tab.level" },
    { "no metadata", "\"__metadata__\":{", "\"metadata\":{", "__metadata__" },
    { "metadata a list", "\"__metadata__\":{", "\"__metadata__\":[],\"x\":{",
      "__metadata__" },
    { "short id", "MODEL_ID", "abc", "model_id" },
    { "wrong id", "MODEL_ID",
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      "model_id" },
    { "capital id", "MODEL_ID",
      "ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      "model_id" },
    { "no config", "\"config\"", "\"konfig\"", "config" },
    { "config not JSON", "{\\\"enc_width\\\":6,", "{\\\"enc_width\\\":6,,", "config" },
    { "config a list", "{\\\"enc_width\\\"", "[{\\\"enc_width\\\"", "config" },
    { "config deep", "\\\"kernel\\\":3", "\\\"kernel\\\":[[[[[[[[[3]]]]]]]]]",
      "config" },
    { "field missing", "\\\"kernel\\\":3,", "", "kernel" },
    { "field unknown", "\\\"kernel\\\":3,", "\\\"kernel\\\":3,\\\"k\\\":3,", "fields" },
    { "field twice", "\\\"kernel\\\":3,", "\\\"kernel\\\":3,\\\"kernel\\\":3,",
      "kernel" },
    { "field a string", "\\\"kernel\\\":3", "\\\"kernel\\\":\\\"3\\\"", "kernel" },
    { "field a fraction", "\\\"kernel\\\":3", "\\\"kernel\\\":3.5", "kernel" },
    { "field negative", "\\\"kernel\\\":3", "\\\"kernel\\\":-3", "kernel" },
    { "field of 64 bits", "\\\"kernel\\\":3", "\\\"kernel\\\":4294967299", "kernel" },
    { "enc_width", "\\\"enc_width\\\":6", "\\\"enc_width\\\":1025", "enc_width" },
    { "enc_blocks", "\\\"enc_blocks\\\":1", "\\\"enc_blocks\\\":17", "enc_blocks" },
    { "dec_width", "\\\"dec_width\\\":70", "\\\"dec_width\\\":0", "dec_width" },
    { "dec_blocks", "\\\"dec_blocks\\\":2", "\\\"dec_blocks\\\":0", "dec_blocks" },
    { "kernel", "\\\"kernel\\\":3", "\\\"kernel\\\":16", "kernel" },
    { "expand", "\\\"expand\\\":2", "\\\"expand\\\":5", "expand" },
    { "latent", "\\\"latent\\\":5", "\\\"latent\\\":2000000000", "latent" },
    { "stages", "\\\"stages\\\":3", "\\\"stages\\\":17", "stages" },
    { "codes", "\\\"codes\\\":8", "\\\"codes\\\":7", "codes" },
    { "env_stages", "\\\"env_stages\\\":2", "\\\"env_stages\\\":4", "env_stages" },
    { "dim", "[2,4,3]", "[2,65,3]", "dim" },
    { "dim short", "[2,4,3]", "[2,4]", "dim" },
    { "dim long", "[2,4,3]", "[2,4,3,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "dim" },
    { "dim a number", "[2,4,3]", "2", "dim" },
    { "dim of strings", "[2,4,3]", "[2,\\\"4\\\",3]", "dim[1]" },
    { "config of another network", "\\\"latent\\\":5", "\\\"latent\\\":6",
      "enc.out.w" },
    { "more stages than tensors",
      "\\\"stages\\\":3,\\\"codes\\\":8,\\\"dim\\\":[2,4,3]",
      "\\\"stages\\\":4,\\\"codes\\\":8,\\\"dim\\\":[2,4,3,3]", "vq.3.in.w" },
    { "tensor missing", "\"dec.0.norm.g\"", "\"dec.0.norm.q\"", "dec.0.norm.g" },
    { "tensor unknown", "\"dec.in.w\":{",
      "\"more\\n\":{\"dtype\":\"F32\",\"shape\":[0],"
      "\"data_offsets\":[0,0]},\"dec.in.w\":{", "more" },
    { "tensor twice", "\"dec.in.w\":{", "\"dec.in.b\":{},\"dec.in.w\":{", "dec.in.b" },
    { "tensor twice, escaped", "\"dec.in.w\":{", "\"dec.in.\\u0062\":{},\"dec.in.w\":{",
      "dec.in.b" },
    { "tensor a number", "\"tab.recon\":{", "\"tab.recon\":1,\"x\":{", "tab.recon" },
    { "dtype twice", "\"tab.recon\":{", "\"tab.recon\":{\"dtype\":\"U8\",", "dtype" },
    { "dtype", "\"enc.in.w\":{\"dtype\":\"BF16\"", "\"enc.in.w\":{\"dtype\":\"F32\"",
      "BF16" },
    { "dtype unknown", "\"enc.in.b\":{\"dtype\":\"F32\"",
      "\"enc.in.b\":{\"dtype\":\"F33\"", "enc.in.b" },
    { "no dtype", "\"enc.in.b\":{\"dtype\"", "\"enc.in.b\":{\"type\"", "enc.in.b" },
    { "a fourth member", "\"tab.recon\":{", "\"tab.recon\":{\"x\":1,", "tab.recon" },
    { "shape", "\"shape\":[6,640]", "\"shape\":[640,6]", "enc.in.w" },
    { "shape flat", "\"shape\":[6,640]", "\"shape\":[3840]", "enc.in.w" },
    { "shape long", "\"shape\":[6,640]", "\"shape\":[6,640,1]", "enc.in.w" },
    { "shape a fraction", "\"shape\":[6,640]", "\"shape\":[6,640.0]", "enc.in.w" },
    { "shape of 64 bits", "\"shape\":[6,640]", "\"shape\":[4294967302,640]",
      "enc.in.w" },
    { "offsets overlap", "[7680,7704]", "[7676,7700]", "enc.in.b" },
    { "offsets swapped", "[7680,7704]", "[7704,7680]", "enc.in.b" },
    { "offsets too far", "[7680,7704]", "[1000007680,1000007704]", "enc.in.b" },
    { "offsets negative", "[0,7680]", "[-7680,0]", "enc.in.w" },
    { "offsets huge", "[7680,7704]", "[9223372036854775000,9223372036854775024]",
      "enc.in.b" },
    { "offsets beyond 64 bits", "[7680,7704]",
      "[18446744073709551592,18446744073709551616]", "enc.in.b" },
    { "offsets of another length", "[7680,7704]", "[7680,7708]", "enc.in.b" },
    { "one offset", "[7680,7704]", "[7680]", "enc.in.b" },
    { "no offsets", "[7680,7704]", "null", "enc.in.b" },
    { "broken JSON", "\"enc.in.b\":{", "\"enc.in.b\":", "header" },
    { "comma", "\"enc.in.b\":{", "\"enc.in.b\",{", "header" },
    { "unfinished string", "\"enc.in.b\":{", "\"enc.in.b:{", "header" },
    { "comment", "\"enc.in.b\":{", "\"enc.in.b\":/*\"*/{", "header" },
    { "script", "{\"__metadata__\"", "var x = {\"__metadata__\"", "header" },
    { "list", "{\"__metadata__\"", "[{\"__metadata__\"", "header" },
    { "no UTF-8", "\"none\"", "\"\xff\xfe\"", "UTF-8" },
};

#endif
