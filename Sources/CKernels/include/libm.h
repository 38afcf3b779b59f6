// The C library's mathematics under names that Swift's cases of the same functions (`exp`, `log`) do not hide, the same
// for every C library.
#pragma once
#include <math.h>

#define LIBM(function) \
  static inline double libm_##function(double x) { return function(x); }
LIBM(exp) LIBM(expm1) LIBM(log) LIBM(log1p) LIBM(erf)
LIBM(sin) LIBM(cos) LIBM(tan) LIBM(asin) LIBM(acos) LIBM(atan)
LIBM(sinh) LIBM(cosh) LIBM(tanh) LIBM(asinh) LIBM(acosh) LIBM(atanh)
#undef LIBM

static inline double libm_pow(double x, double y) { return pow(x, y); }
static inline float libm_powf(float x, float y) { return powf(x, y); }
static inline double libm_atan2(double y, double x) { return atan2(y, x); }
static inline float libm_atan2f(float y, float x) { return atan2f(y, x); }
