// Which of the compiled versions of each kernel this machine runs.
#include "include/kernels.h"
#include "include/movement.h"

int ck_is_optimized(void) {
#if defined(__OPTIMIZE__)
  return 1;
#else
  return 0;
#endif
}

size_t ck_packed_count(size_t k, size_t n) {
  return (n + ck_panel_width - 1) / ck_panel_width * ck_panel_width * k;
}

#if defined(__x86_64__)

/// 4: 512-bit registers, 3: 256-bit and fused multiplication and addition, 0: what every machine has.
static int level(void) {
  if (__builtin_cpu_supports("x86-64-v4")) return 4;
  return __builtin_cpu_supports("x86-64-v3") ? 3 : 0;
}

  #define FORWARD(name, parameters, arguments) \
    void name##_baseline parameters; \
    void name##_v3 parameters; \
    void name##_v4 parameters; \
    void name parameters { \
      switch (level()) { \
        case 4: name##_v4 arguments; break; \
        case 3: name##_v3 arguments; break; \
        default: name##_baseline arguments; \
      } \
    }

#else

  #define FORWARD(name, parameters, arguments) \
    void name##_baseline parameters; \
    void name parameters { name##_baseline arguments; }

#endif

FORWARD(
    ck_unary,
    (ck_function function, float alpha, float beta, const float *x, float *y, size_t count),
    (function, alpha, beta, x, y, count))
FORWARD(
    ck_binary,
    (ck_binary_function function, const float *x, int x_step, const float *y, int y_step, float *z, size_t count),
    (function, x, x_step, y, y_step, z, count))
FORWARD(
    ck_affine,
    (const float *x, const float *scale, const float *offset, float *y, size_t rows, size_t columns),
    (x, scale, offset, y, rows, columns))
FORWARD(
    ck_scale_blocks,
    (const float *x, const int *of, size_t count, const float *scale, size_t size, float *y),
    (x, of, count, scale, size, y))
FORWARD(
    ck_layer_norm,
    (const float *x, const float *gamma, const float *beta, float *y, size_t rows, size_t columns, double epsilon),
    (x, gamma, beta, y, rows, columns, epsilon))
FORWARD(
    ck_softmax,
    (const float *x, float *y, size_t rows, size_t columns),
    (x, y, rows, columns))
FORWARD(
    ck_sum_middle,
    (const float *x, float *y, size_t outer, size_t size, size_t inner, float scale),
    (x, y, outer, size, inner, scale))
FORWARD(
    ck_sum_rows,
    (const float *x, float *y, size_t rows, size_t columns, float scale),
    (x, y, rows, columns, scale))
FORWARD(
    ck_transpose,
    (const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t columns),
    (x, x_step, y, y_step, rows, columns))
FORWARD(
    ck_pack,
    (const float *b, size_t k, size_t n, float *packed),
    (b, k, n, packed))
FORWARD(
    ck_packed_product,
    (const float *a, size_t a_step, size_t rows, const float *packed, size_t k, size_t n, const float *bias, float *c, size_t c_step, ck_product_mode mode),
    (a, a_step, rows, packed, k, n, bias, c, c_step, mode))
FORWARD(
    ck_streamed_product,
    (const float *a, size_t a_step, size_t rows, const void *b, size_t b_step, size_t k, size_t n, const float *bias, float *c, size_t c_step),
    (a, a_step, rows, b, b_step, k, n, bias, c, c_step))
FORWARD(
    ck_narrow_product,
    (const ck_narrow *matrix, const float *a, size_t a_step, size_t rows, size_t first, size_t n, const float *bias, float *c, size_t c_step),
    (matrix, a, a_step, rows, first, n, bias, c, c_step))
FORWARD(ck_peak, (size_t rounds, float *result), (rounds, result))
FORWARD(
    ck_lstm_cell,
    (ck_cell cell, const float *z, size_t step, size_t count, float *c, float *h),
    (cell, z, step, count, c, h))
FORWARD(
    ck_gru_cell,
    (ck_cell cell, const float *x, const float *r, size_t step, size_t count, const float *h, float *next),
    (cell, x, r, step, count, h, next))
FORWARD(ck_float_to_half, (const void *x, void *y, size_t count), (x, y, count))
FORWARD(ck_half_to_float, (const void *x, void *y, size_t count), (x, y, count))
FORWARD(ck_float_to_bfloat, (const void *x, void *y, size_t count), (x, y, count))
FORWARD(ck_bfloat_to_float, (const void *x, void *y, size_t count), (x, y, count))
