// libdeflate: checksums and inflating of data that is in memory as a whole.

#ifndef CDEFLATE_SHIM_H
#define CDEFLATE_SHIM_H

#include <libdeflate.h>

#endif
