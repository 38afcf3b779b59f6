// The kernels for machines with 256-bit registers.
#if defined(__x86_64__)
  #include <math.h>
  #include <stddef.h>
  #include <stdint.h>
  #include <string.h>
  #define NAME(name) name##_v3
  // The rows whose sums of one panel fit in registers, and the sets of sums of a single row.
  #define rows_at_once 3
  #define sets_of_one 2
  // The rows of a matrix of which one vector each fits in registers.
  #define depth_at_once 6
  // The rows and vectors of a streamed matrix that do.
  #define streamed_depth 2
  #define streamed_vectors 2
  // There is an instruction from float16 to float32.
  #define converts_half 1
  #pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
  #include "bodies/convert.h"
  #include "bodies/elementwise.h"
  #include "bodies/peak.h"
  #include "bodies/product.h"
  #include "bodies/rows.h"
  #pragma clang attribute pop
#endif
