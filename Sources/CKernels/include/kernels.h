// Inner loops over float32 in C, because its compilers make vector code of them for every width the machine may have.
// No function allocates, fails, or knows of threads; pointers to results alias nothing unless said otherwise.
#pragma once
#include <stddef.h>

#include "libm.h"

/// Functions of one element, of `alpha` and `beta` where they have any.
typedef enum {
  ck_negate, ck_abs, ck_square, ck_sqrt, ck_reciprocal, ck_exp, ck_tanh, ck_erf, ck_sigmoid,
  ck_relu,          // 0 below 0; not a number stays
  ck_leaky_relu,    // alpha * x below 0
  ck_elu,           // alpha * (exp(x) - 1) below 0
  ck_selu,
  ck_hard_sigmoid,  // max(0, min(1, alpha * x + beta))
  ck_softsign, ck_gelu, ck_gelu_tanh, ck_swish, ck_hard_swish, ck_mish,
  ck_clip,          // into alpha ... beta
  ck_identity
} ck_function;

/// Functions of two elements.
typedef enum { ck_add, ck_subtract, ck_multiply, ck_divide, ck_maximum, ck_minimum } ck_binary_function;

/// `y[i] = f(x[i])`; y may be x.
void ck_unary(ck_function function, float alpha, float beta, const float *x, float *y, size_t count);

/// `z[i] = f(x[i * x_step], y[i * y_step])`, steps 0 or 1; z may be x or y.
void ck_binary(
    ck_binary_function function, const float *x, int x_step, const float *y, int y_step, float *z, size_t count);

/// `y[r, c] = x[r, c] * scale[c] + offset[c]`; y may be x.
void ck_affine(const float *x, const float *scale, const float *offset, float *y, size_t rows, size_t columns);

/// `y[b, i] = x[b, i] * scale[of[b]]` for blocks of `size` elements.
void ck_scale_blocks(const float *x, const int *of, size_t count, const float *scale, size_t size, float *y);

/// Each row to mean 0 and variance 1, then scaled and shifted; y may be x.
void ck_layer_norm(
    const float *x, const float *gamma, const float *beta, float *y, size_t rows, size_t columns, double epsilon);

/// `exp(x - max) / sum` of each row; y may be x.
void ck_softmax(const float *x, float *y, size_t rows, size_t columns);

/// `y[o, i] = sum over s of x[o, s, i]`, times `scale`.
void ck_sum_middle(const float *x, float *y, size_t outer, size_t size, size_t inner, float scale);

/// `y[r] = sum of row r`, times `scale`.
void ck_sum_rows(const float *x, float *y, size_t rows, size_t columns, float scale);

/// `y[j * y_step + i] = x[i * x_step + j]` for i below `rows` and j below `columns`.
void ck_transpose(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t columns);

/// The columns of one panel of a packed matrix.
enum { ck_panel_width = 32 };

/// The number of floats that ``ck_pack`` writes.
size_t ck_packed_count(size_t k, size_t n);
/// Packs `b [k, n]` into panels of columns, the last filled up with zeros.
void ck_pack(const float *b, size_t k, size_t n, float *packed);
/// How ``ck_packed_product`` goes about it.
typedef enum {
  ck_accumulates = 1,  // c is added to
  ck_backwards = 2     // the last panel first: what was read last is in the cache still
} ck_product_mode;

/// `c[r, :n] = a[r, :k] . b + bias`, b packed; bias NULL: zeros.
void ck_packed_product(
    const float *a, size_t a_step, size_t rows, const float *packed, size_t k, size_t n, const float *bias, float *c,
    size_t c_step, ck_product_mode mode);

/// `c[r, :n] = a[r, :k] . b + bias`, b of floats at any address, not packed: it is read once, row after row. For few rows,
/// when reading b takes longer than the arithmetic. bias NULL: zeros.
void ck_streamed_product(
    const float *a, size_t a_step, size_t rows, const void *b, size_t b_step, size_t k, size_t n, const float *bias,
    float *c, size_t c_step);

/// How the numbers of a ``ck_narrow`` lie.
typedef enum {
  ck_int8, ck_uint8,
  ck_int4, ck_uint4,  // two to a byte, the first of each pair low, each row filled up to whole bytes
  ck_float16, ck_bfloat16
} ck_narrow_type;

/// A matrix `[k, n]` of small numbers at any address: element `[i, j]` is `(q - zero[i / block, j]) * scale[i / block, j]`.
typedef struct {
  ck_narrow_type type;
  const void *bytes;
  /// From one row to the next.
  size_t byte_step;
  size_t k, n;
  /// `[ceil(k / block), n]`; NULL: ones. zero NULL: zeros; there is none without a scale.
  const float *scale, *zero;
  size_t block;
} ck_narrow;

/// `c[r, :n] = a[r, :k] . b[:, first : first + n] + bias`, b widened on its way: its bytes are read once, row after row.
/// `first` is a multiple of 16; bias, of the same columns, NULL: zeros.
void ck_narrow_product(
    const ck_narrow *matrix, const float *a, size_t a_step, size_t rows, size_t first, size_t n, const float *bias,
    float *c, size_t c_step);

/// The independent sums that ``ck_peak`` multiplies and adds to.
enum { ck_peak_lanes = 192 };
/// As many rounds of one multiplication and addition for each of ``ck_peak_lanes`` sums, in registers: what this machine
/// can do at most. `result` has 16 elements.
void ck_peak(size_t rounds, float *result);

/// The functions of a cell: of its gates, with their parameters, and of its state.
typedef struct {
  ck_function gate;
  float alpha, beta;
  ck_function act;
} ck_cell;

/// One step of `count` units of an LSTM of one row from `z`, gates i f g o `step` apart, before their functions: c is
/// changed, h written.
void ck_lstm_cell(ck_cell cell, const float *z, size_t step, size_t count, float *c, float *h);

/// One step of `count` units of a GRU of one row that resets after the product: x and r are the input's and the state's
/// products, gates z r h `step` apart; `next` may be h.
void ck_gru_cell(ck_cell cell, const float *x, const float *r, size_t step, size_t count, const float *h, float *next);

/// The number of processors that this process may run on.
int ck_processor_count(void);

/// 1 when these functions were compiled with optimisation, without which they are slow: SwiftPM compiles C without it for
/// debugging.
int ck_is_optimized(void);
