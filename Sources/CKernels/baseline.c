// The kernels for every machine.
#define NAME(name) name##_baseline
// The rows whose sums of one panel fit in registers, and the sets of sums of a single row.
#define rows_at_once 1
#define sets_of_one 1
// The rows of a matrix of which one vector each fits in registers.
#define depth_at_once 2
// The rows and vectors of a streamed matrix that do.
#define streamed_depth 2
#define streamed_vectors 1

#include "bodies/convert.h"
#include "bodies/elementwise.h"
#include "bodies/peak.h"
#include "bodies/product.h"
#include "bodies/rows.h"
