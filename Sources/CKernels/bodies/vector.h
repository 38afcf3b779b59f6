// Vectors of 16 floats and functions on them. The files of this folder are compiled once for each width of registers,
// each time under the names that NAME makes.
#pragma once
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#pragma clang fp contract(fast)
// Everything here is inlined: no vector is ever passed by a call.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((vector_size(64), aligned(4)));
typedef int32_t i16 __attribute__((vector_size(64), aligned(4)));
enum { lanes = 16 };

INLINE v16 load(const float *x) { return *(const v16 *)x; }
INLINE void store(float *y, v16 x) { *(v16 *)y = x; }
INLINE v16 splat(float x) { return (v16){} + x; }
/// The first `count` elements, zeros behind.
INLINE v16 load_part(const float *x, size_t count) {
  if (count == lanes) return load(x);
  v16 result = {};
  memcpy(&result, x, count * sizeof(float));
  return result;
}
INLINE void store_part(float *y, v16 x, size_t count) {
  if (count == lanes) store(y, x);
  else memcpy(y, &x, count * sizeof(float));
}

INLINE v16 pick(i16 condition, v16 a, v16 b) { return (v16)(((i16)a & condition) | ((i16)b & ~condition)); }
/// Not a number in x stays.
INLINE v16 at_least(v16 x, v16 low) { return pick(x < low, low, x); }
INLINE v16 at_most(v16 x, v16 high) { return pick(x > high, high, x); }
INLINE v16 magnitude(v16 x) { return (v16)((i16)x & 0x7fffffff); }
INLINE v16 with_sign(v16 x, v16 sign) { return (v16)((i16)x | ((i16)sign & (int32_t)0x80000000)); }

/// The elements moved down by n places, the first ones behind the last.
#define MOVED(x, n) \
  __builtin_shufflevector( \
      x, x, (n), (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5, (n) + 6, (n) + 7, ((n) + 8) % 16, ((n) + 9) % 16, \
      ((n) + 10) % 16, ((n) + 11) % 16, ((n) + 12) % 16, ((n) + 13) % 16, ((n) + 14) % 16, ((n) + 15) % 16)

// By halves: one element after the other takes longer than the rest of a row of 128.
INLINE float sum(v16 x) {
  x += MOVED(x, 8);
  x += MOVED(x, 4);
  x += MOVED(x, 2);
  x += MOVED(x, 1);
  return x[0];
}
INLINE float largest(v16 x) {
  x = at_least(x, MOVED(x, 8));
  x = at_least(x, MOVED(x, 4));
  x = at_least(x, MOVED(x, 2));
  return x[1] > x[0] ? x[1] : x[0];
}

/// 2 to an integer power between -126 and 127.
INLINE v16 power_of_two(i16 n) { return (v16)((n + 127) << 23); }

/// exp, within 2 units in the last place: `x = n ln 2 + r`, a polynomial of r of degree 6, and 2^n in two factors, so that
/// results beyond the range become infinite and small ones denormal.
INLINE v16 exponential(v16 x) {
  x = at_most(at_least(x, splat(-104)), splat(89));
  v16 shifted = x * 1.44269504088896341f + 12582912.0f;
  v16 n = shifted - 12582912.0f;
  v16 r = x - n * 0.693145751953125f;
  r = r - n * 1.42860677e-6f;
  v16 p = r * 1.3981999507e-3f + 8.3333337680e-3f;
  p = p * r + 4.1666667163e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  i16 whole = ((i16)shifted) - 0x4B400000;
  // Not a number has no whole part; its p is not a number whatever is made of it.
  i16 half = whole >> 1;
  return p * power_of_two(half) * power_of_two(whole - half);
}

INLINE v16 logistic(v16 x) { return 1.0f / (1.0f + exponential(-x)); }

/// tanh: near 0 an odd polynomial, else through exp.
INLINE v16 hyperbolic_tangent(v16 x) {
  v16 size = magnitude(x);
  v16 s = x * x;
  v16 p = s * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  v16 near = p * s * x + x;
  v16 far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
  return pick(size < 0.625f, near, with_sign(far, x));
}

/// A quotient not yet divided: several share one division, which costs as much as ten other operations.
typedef struct {
  v16 above, below;
} ratio;

/// tanh as a quotient, absolute error 4e-7: the best approximation of `tanh(x) / x` on 0 ... 8 by polynomials of degree 4
/// of x^2, relative error 6.5e-9 before rounding. `below` is between 1 and 8,000.
INLINE ratio tangent_ratio(v16 x) {
  x = at_most(at_least(x, splat(-8)), splat(8));
  v16 s = x * x;
  v16 p = s * 1.52329779225e-8f + 2.18965256124e-5f;
  p = p * s + 3.57171303644e-3f;
  p = p * s + 0.134445957003f;
  p = p * s + 0.999999993829f;
  v16 q = s * 8.52349717765e-7f + 3.41147867878e-4f;
  q = q * s + 2.61648830461e-2f;
  q = q * s + 0.467779231258f;
  q = q * s + 1.0f;
  return (ratio){p * x, q};
}

/// 1 / (1 + exp(-x)) as a quotient: `1/2 + tanh(x / 2) / 2`.
INLINE ratio logistic_ratio(v16 x) {
  ratio tangent = tangent_ratio(x * 0.5f);
  return (ratio){(tangent.above + tangent.below) * 0.5f, tangent.below};
}

/// The error function: near 0 its series, else Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
INLINE v16 error_function(v16 x) {
  v16 size = magnitude(x);
  v16 s = x * x;
  v16 p = s * -1.7e-7f + 1.64e-6f;
  p = p * s - 1.49256503e-5f;
  p = p * s + 1.20553329e-4f;
  p = p * s - 8.54832702e-4f;
  p = p * s + 5.22397762e-3f;
  p = p * s - 2.68661706e-2f;
  p = p * s + 1.12837917e-1f;
  p = p * s - 3.76126389e-1f;
  v16 near = (p * s + 1.12837917f) * x;
  v16 t = 1.0f / (size * 0.3275911f + 1.0f);
  v16 q = t * 1.061405429f - 1.453152027f;
  q = q * t + 1.421413741f;
  q = q * t - 0.284496736f;
  q = q * t + 0.254829592f;
  v16 far = 1.0f - q * t * exponential(-s);
  return pick(size < 1.0f, near, with_sign(far, x));
}
