// libdeflate: checksums and inflating of data that is in memory as a whole.

#ifdef KCONVERT_NO_SYSTEM_LIBRARIES
#error "a part that should do without system libraries includes this one"
#endif
#ifndef CDEFLATE_SHIM_H
#define CDEFLATE_SHIM_H

#include <libdeflate.h>

#endif
