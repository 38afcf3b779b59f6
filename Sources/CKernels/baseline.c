// The kernels for every machine.
#define NAME(name) name##_baseline

#include "bodies/convert.h"
#include "bodies/elementwise.h"
#include "bodies/product.h"
#include "bodies/rows.h"
