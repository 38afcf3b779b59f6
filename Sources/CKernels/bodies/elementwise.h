#include "../include/kernels.h"
#include "vector.h"

INLINE v16 square_root(v16 x) {
  for (int i = 0; i < lanes; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
}

/// One function on a vector; the switch is outside every loop because `function` is a constant where this is inlined.
INLINE v16 apply(ck_function function, float alpha, float beta, v16 x) {
  const v16 zero = {};
  switch (function) {
    case ck_negate: return -x;
    case ck_abs: return magnitude(x);
    case ck_square: return x * x;
    case ck_sqrt: return square_root(x);
    case ck_reciprocal: return 1.0f / x;
    case ck_exp: return exponential(x);
    case ck_tanh: return hyperbolic_tangent(x);
    case ck_erf: return error_function(x);
    case ck_sigmoid: return logistic(x);
    case ck_relu: return at_least(x, zero);
    case ck_leaky_relu: return pick(x < zero, x * alpha, x);
    case ck_elu: return pick(x > zero, x, (exponential(x) - 1.0f) * alpha);
    case ck_selu:
      return pick(x > zero, x, (exponential(x) - 1.0f) * 1.6732632423543772f) * 1.0507009873554805f;
    case ck_hard_sigmoid: return at_most(at_least(x * alpha + beta, zero), splat(1));
    case ck_softsign: return x / (magnitude(x) + 1.0f);
    case ck_gelu: return x * 0.5f * (error_function(x * 0.70710678118f) + 1.0f);
    case ck_gelu_tanh:
      return x * 0.5f * (hyperbolic_tangent((x * x * x * 0.044715f + x) * 0.7978845608f) + 1.0f);
    case ck_swish: return x / (1.0f + exponential(-x));
    case ck_hard_swish: return x * at_most(at_least(x * (1.0f / 6.0f) + 0.5f, zero), splat(1));
    case ck_mish: {
      // tanh(log(1 + e)) = (e^2 + 2e) / (e^2 + 2e + 2); beyond 20 it is 1.
      v16 e = exponential(at_most(x, splat(20)));
      v16 n = e * (e + 2.0f);
      return x * (n / (n + 2.0f));
    }
    case ck_clip: return at_most(at_least(x, splat(alpha)), splat(beta));
    case ck_identity: return x;
  }
}

INLINE void each(ck_function function, float alpha, float beta, const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) store(y + i, apply(function, alpha, beta, load(x + i)));
  if (i < count) store_part(y + i, apply(function, alpha, beta, load_part(x + i, count - i)), count - i);
}

#define CASE(name) \
  case name: each(name, alpha, beta, x, y, count); return;

void NAME(ck_unary)(ck_function function, float alpha, float beta, const float *x, float *y, size_t count) {
  switch (function) {
    CASE(ck_negate) CASE(ck_abs) CASE(ck_square) CASE(ck_sqrt) CASE(ck_reciprocal) CASE(ck_exp) CASE(ck_tanh)
    CASE(ck_erf) CASE(ck_sigmoid) CASE(ck_relu) CASE(ck_leaky_relu) CASE(ck_elu) CASE(ck_selu) CASE(ck_hard_sigmoid)
    CASE(ck_softsign) CASE(ck_gelu) CASE(ck_gelu_tanh) CASE(ck_swish) CASE(ck_hard_swish) CASE(ck_mish) CASE(ck_clip)
    CASE(ck_identity)
  }
}

#undef CASE

/// Not a number wins in maximum and minimum.
INLINE v16 combine(ck_binary_function function, v16 a, v16 b) {
  switch (function) {
    case ck_add: return a + b;
    case ck_subtract: return a - b;
    case ck_multiply: return a * b;
    case ck_divide: return a / b;
    case ck_maximum: return pick((b > a) | (b != b), b, a);
    case ck_minimum: return pick((b < a) | (b != b), b, a);
  }
}

INLINE v16 keep_nan(ck_binary_function function, v16 a, v16 result) {
  return function >= ck_maximum ? pick(a != a, a, result) : result;
}

INLINE void pairs(
    ck_binary_function function, const float *x, int x_step, const float *y, int y_step, float *z, size_t count) {
  v16 a = splat(x[0]), b = splat(y[0]);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    if (x_step) a = load(x + i);
    if (y_step) b = load(y + i);
    store(z + i, keep_nan(function, a, combine(function, a, b)));
  }
  if (i == count) return;
  if (x_step) a = load_part(x + i, count - i);
  if (y_step) b = load_part(y + i, count - i);
  store_part(z + i, keep_nan(function, a, combine(function, a, b)), count - i);
}

#define CASE(name) \
  case name: \
    if (x_step && y_step) pairs(name, x, 1, y, 1, z, count); \
    else if (x_step) pairs(name, x, 1, y, 0, z, count); \
    else pairs(name, x, 0, y, y_step, z, count); \
    return;

void NAME(ck_binary)(
    ck_binary_function function, const float *x, int x_step, const float *y, int y_step, float *z, size_t count) {
  if (count == 0) return;
  switch (function) {
    CASE(ck_add) CASE(ck_subtract) CASE(ck_multiply) CASE(ck_divide) CASE(ck_maximum) CASE(ck_minimum)
  }
}

#undef CASE

void NAME(ck_affine)(
    const float *x, const float *scale, const float *offset, float *y, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
    size_t i = 0;
    for (; i + lanes <= columns; i += lanes) store(y + i, load(x + i) * load(scale + i) + load(offset + i));
    for (; i < columns; i++) y[i] = x[i] * scale[i] + offset[i];
  }
}

INLINE v16 gate_of(ck_cell cell, v16 x) { return apply(cell.gate, cell.alpha, cell.beta, x); }

void NAME(ck_lstm_cell)(ck_cell cell, const float *z, size_t step, size_t count, float *c, float *h) {
  for (size_t i = 0; i < count; i += lanes, z += lanes) {
    size_t n = count - i < lanes ? count - i : lanes;
    v16 in = load_part(z, n), forget = load_part(z + step, n);
    v16 next = load_part(z + 2 * step, n), out = load_part(z + 3 * step, n);
    v16 state = load_part(c + i, n);
    if (cell.gate == ck_sigmoid && cell.act == ck_tanh) {
      ratio f = logistic_ratio(forget), a = logistic_ratio(in), b = tangent_ratio(next), o = logistic_ratio(out);
      v16 below = a.below * b.below, scale = 1.0f / (below * f.below);
      state = f.above * below * scale * state + a.above * b.above * f.below * scale;
      b = tangent_ratio(state);
      store_part(h + i, o.above * b.above / (o.below * b.below), n);
    } else {
      state = gate_of(cell, forget) * state + gate_of(cell, in) * apply(cell.act, 1, 0, next);
      store_part(h + i, gate_of(cell, out) * apply(cell.act, 1, 0, state), n);
    }
    store_part(c + i, state, n);
  }
}

void NAME(ck_gru_cell)(
    ck_cell cell, const float *x, const float *r, size_t step, size_t count, const float *h, float *out) {
  for (size_t i = 0; i < count; i += lanes, x += lanes, r += lanes) {
    size_t n = count - i < lanes ? count - i : lanes;
    v16 update = load_part(x, n) + load_part(r, n);
    v16 reset = load_part(x + step, n) + load_part(r + step, n);
    v16 fresh = load_part(x + 2 * step, n), inner = load_part(r + 2 * step, n);
    v16 state = load_part(h + i, n);
    if (cell.gate == ck_sigmoid && cell.act == ck_tanh) {
      ratio z = logistic_ratio(update), gate = logistic_ratio(reset);
      v16 scale = 1.0f / (z.below * gate.below);
      update = z.above * gate.below * scale;
      ratio t = tangent_ratio(fresh + gate.above * z.below * scale * inner);
      fresh = t.above / t.below;
    } else {
      update = gate_of(cell, update);
      fresh = apply(cell.act, 1, 0, fresh + gate_of(cell, reset) * inner);
    }
    store_part(out + i, update * state + (1.0f - update) * fresh, n);
  }
}
