/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coder.c - host definitions of the coder's headers; coder.cuh has the device's. */
#include "range_body.h"

#include "refine_body.h"

#include "cost_body.h"

#include "quantise_body.h"

#include "dequantise_body.h"

#include "postnet_body.h"

#include "level_body.h"

#include "deficit_body.h"

#include "code_body.h"

#include "packet_body.h"

#include "plc_body.h"

#include "highpass_body.h"

#include "ratecontrol_body.h"

#include "encode_state_body.h"
