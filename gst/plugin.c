/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin.c - registers the elements and the typefinder.
 *
 * All elements are always registered with the same caps. They must not depend on the
 * machine's devices, because the registry caches them.
 */
#include "gsttelucodecrtp.h"
#include "gsttelucodectransrate.h"

GST_DEBUG_CATEGORY (gst_telucodec_debug);

static gboolean
plugin_init (GstPlugin * plugin)
{
  gboolean ok = FALSE;

  GST_DEBUG_CATEGORY_INIT (gst_telucodec_debug, "telucodec", 0,
      "What the TeluCodec elements have in common");
  ok |= GST_ELEMENT_REGISTER (telucodecenc, plugin);
  ok |= GST_ELEMENT_REGISTER (telucodecdec, plugin);
  ok |= GST_ELEMENT_REGISTER (telucodecmux, plugin);
  ok |= GST_ELEMENT_REGISTER (telucodecparse, plugin);
  ok |= GST_ELEMENT_REGISTER (telucodectransrate, plugin);
  ok |= GST_ELEMENT_REGISTER (rtptelucodecpay, plugin);
  ok |= GST_ELEMENT_REGISTER (rtptelucodecdepay, plugin);
  ok |= GST_TYPE_FIND_REGISTER (telucodec, plugin);
  return ok;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, telucodec,
    "TeluCodec, a neural speech codec", plugin_init, VERSION, "LGPL",
    "TeluCodec", "Unknown package origin")
