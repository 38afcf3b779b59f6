#include "../include/kernels.h"
#include "vector.h"

enum { width = ck_panel_width, vectors = ck_panel_width / lanes };

void NAME(ck_pack)(const float *b, size_t k, size_t n, float *packed) {
  for (size_t first = 0; first < n; first += width) {
    size_t count = n - first < width ? n - first : width;
    for (size_t i = 0; i < k; i++, packed += width) {
      memcpy(packed, b + i * n + first, count * sizeof(float));
      memset(packed + count, 0, (width - count) * sizeof(float));
    }
  }
}

/// Some rows of a product and the panel they are multiplied with.
struct block {
  const float *a;
  size_t a_step;
  const float *b;
  size_t k;
  /// Of the panel's columns, or NULL.
  const float *bias;
  float *c;
  size_t c_step;
  /// The panel's columns that there are.
  size_t count;
  int accumulates;
};

INLINE size_t columns_of(const struct block *x, size_t first) {
  return x->count > first ? (x->count - first < lanes ? x->count - first : lanes) : 0;
}

/// All sums of a block in registers. `rows` and `sets` are constants where this is inlined; few rows take several sets of
/// sums, of every second or fourth factor, because one alone would wait for itself.
INLINE void multiply(const struct block *x, int rows, int sets) {
  v16 sums[rows_at_once > 4 ? rows_at_once : 4][vectors];
  for (int s = 0; s < sets * rows; s++) {
    for (int v = 0; v < vectors; v++) {
      size_t n = columns_of(x, v * lanes);
      sums[s][v] = x->bias && s < rows ? load_part(x->bias + v * lanes, n) : splat(0);
      if (x->accumulates && s < rows) sums[s][v] += load_part(x->c + s * x->c_step + v * lanes, n);
    }
  }
  const float *a = x->a, *b = x->b;
  size_t i = 0;
  for (; i + sets <= x->k; i += sets, b += sets * width) {
    for (int s = 0; s < sets; s++) {
      for (int r = 0; r < rows; r++) {
        v16 value = splat(a[r * x->a_step + i + s]);
        for (int v = 0; v < vectors; v++) sums[s * rows + r][v] += value * load(b + s * width + v * lanes);
      }
    }
  }
  for (; i < x->k; i++, b += width) {
    for (int r = 0; r < rows; r++) {
      v16 value = splat(a[r * x->a_step + i]);
      for (int v = 0; v < vectors; v++) sums[r][v] += value * load(b + v * lanes);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      for (int s = 1; s < sets; s++) sums[r][v] += sums[s * rows + r][v];
      store_part(x->c + r * x->c_step + v * lanes, sums[r][v], columns_of(x, v * lanes));
    }
  }
}

#define CASE(rows, sets) \
  case rows: multiply(&x, rows, sets); break;

/// As many rows as registers hold; the last ones in one block of their own.
INLINE void multiply_panel(struct block x, size_t rows) {
  while (rows > 0) {
    size_t some = rows < rows_at_once ? rows : rows_at_once;
    switch (some) {
      CASE(1, sets_of_one)
#if rows_at_once > 1
      CASE(2, sets_of_one > 1 ? sets_of_one / 2 : 1)
#endif
#if rows_at_once > 2
      CASE(3, 1)
#endif
#if rows_at_once > 3
      CASE(4, 1) CASE(5, 1) CASE(6, 1) CASE(7, 1) CASE(8, 1)
#endif
    }
    rows -= some;
    x.a += some * x.a_step;
    x.c += some * x.c_step;
  }
}

#undef CASE

void NAME(ck_packed_product)(
    const float *a, size_t a_step, size_t rows, const float *packed, size_t k, size_t n, const float *bias, float *c,
    size_t c_step, ck_product_mode mode) {
  size_t panels = (n + width - 1) / width;
  for (size_t i = 0; i < panels; i++) {
    size_t panel = mode & ck_backwards ? panels - 1 - i : i, first = panel * width;
    struct block x = {
        .a = a, .a_step = a_step, .b = packed + first * k, .k = k, .bias = bias ? bias + first : NULL,
        .c = c + first, .c_step = c_step, .count = n - first < width ? n - first : width,
        .accumulates = mode & ck_accumulates};
    multiply_panel(x, rows);
  }
}

typedef float any_v16 __attribute__((vector_size(64), aligned(1)));

/// How far ahead of the sums each row is asked for, at a row's end the next rows: the processor's own prefetching stops at
/// the end of a page.
enum { bytes_ahead = 2048, streamed_columns = streamed_vectors * lanes };

/// Some columns, up to as many as are read at a time, of some rows of b times as many factors of each row of a, added to c.
/// Several vectors of few rows: rows are often a power of two apart, and more of them than a set of the first cache has ways
/// push each other out where vectors go over the ends of lines. A matrix of 411 MB in a mapped file, one and two threads: 10.7
/// and 5.6 ms for 4 rows of 4 vectors, 13.8 and 7.1 for 16 of 1.
INLINE void add_products(
    const float *a, size_t a_step, size_t rows, const char *b, size_t b_step, size_t depth, float *c, size_t c_step,
    size_t count) {
  v16 factors[streamed_depth][streamed_vectors] = {};
  for (size_t d = 0; d < depth; d++, b += b_step * sizeof(float)) {
    if (count == streamed_columns) {
      for (size_t v = 0; v < streamed_vectors; v++) factors[d][v] = *(const any_v16 *)(b + v * sizeof(v16));
    } else {
      memcpy(factors[d], b, count * sizeof(float));
    }
  }
  for (size_t r = 0; r < rows; r++, a += a_step, c += c_step) {
    for (size_t v = 0; v < streamed_vectors && v * lanes < count; v++) {
      size_t part = count - v * lanes < lanes ? count - v * lanes : lanes;
      v16 sums = load_part(c + v * lanes, part);
      for (size_t d = 0; d < depth; d++) sums += splat(a[d]) * factors[d][v];
      store_part(c + v * lanes, sums, part);
    }
  }
}

/// The same for one row of a and as many columns and rows of b as are read at a time: with one load for each vector, 11.3 ms
/// of the 13 that the matrix above takes.
INLINE void add_product(const float *a, const char *b, size_t b_step, float *c) {
  v16 sums[streamed_vectors];
  for (size_t v = 0; v < streamed_vectors; v++) sums[v] = load(c + v * lanes);
  for (size_t d = 0; d < streamed_depth; d++, b += b_step * sizeof(float)) {
    v16 factor = splat(a[d]);
    for (size_t v = 0; v < streamed_vectors; v++) sums[v] += factor * *(const any_v16 *)(b + v * sizeof(v16));
  }
  for (size_t v = 0; v < streamed_vectors; v++) store(c + v * lanes, sums[v]);
}

/// Asks for the lines of some columns of the rows from `b` on.
INLINE void ask_for(const char *b, size_t b_step) {
  for (size_t d = 0; d < streamed_depth; d++, b += b_step * sizeof(float)) {
    for (size_t v = 0; v < streamed_vectors; v++) __builtin_prefetch(b + v * sizeof(v16), 0, 3);
  }
}

void NAME(ck_streamed_product)(
    const float *a, size_t a_step, size_t rows, const void *b, size_t b_step, size_t k, size_t n, const float *bias,
    float *c, size_t c_step) {
  for (size_t r = 0; r < rows; r++) {
    if (bias) memcpy(c + r * c_step, bias, n * sizeof(float));
    else memset(c + r * c_step, 0, n * sizeof(float));
  }
  for (size_t i = 0; i < k; i += streamed_depth) {
    const char *from = (const char *)b + i * b_step * sizeof(float);
    const char *next = from + streamed_depth * b_step * sizeof(float);
    size_t j = 0;
    if (i + streamed_depth <= k) {
      for (; j + streamed_columns <= n; j += streamed_columns) {
        size_t at = j * sizeof(float) + bytes_ahead, end = n * sizeof(float);
        const char *here = from + j * sizeof(float);
        ask_for(at < end ? from + at : next + (at - end), b_step);
        if (rows == 1) add_product(a + i, here, b_step, c + j);
        else add_products(a + i, a_step, rows, here, b_step, streamed_depth, c + j, c_step, streamed_columns);
      }
    }
    for (; j < n; j += streamed_columns) {
      size_t depth = k - i < streamed_depth ? k - i : streamed_depth;
      size_t count = n - j < streamed_columns ? n - j : streamed_columns;
      add_products(a + i, a_step, rows, from + j * sizeof(float), b_step, depth, c + j, c_step, count);
    }
  }
}

typedef int8_t narrow_i8 __attribute__((vector_size(16), aligned(1)));
typedef uint8_t narrow_u8 __attribute__((vector_size(16), aligned(1)));
typedef uint16_t narrow_u16 __attribute__((vector_size(32), aligned(1)));
#if converts_half
typedef _Float16 narrow_f16 __attribute__((vector_size(32), aligned(1)));
#endif
typedef uint8_t half_u8 __attribute__((vector_size(8), aligned(1)));
typedef uint32_t wide_u32 __attribute__((vector_size(64), aligned(4)));

/// 16 numbers of a row from column `j` on, a multiple of 16; `type` is a constant where this is inlined.
INLINE v16 widened(ck_narrow_type type, const char *row, size_t j) {
  switch (type) {
    case ck_int8: return __builtin_convertvector(*(const narrow_i8 *)(row + j), v16);
    case ck_uint8: return __builtin_convertvector(*(const narrow_u8 *)(row + j), v16);
    case ck_int4:
    case ck_uint4: {
      half_u8 pairs = *(const half_u8 *)(row + j / 2), low = pairs & 15, high = pairs >> 4;
      narrow_u8 numbers = __builtin_shufflevector(low, high, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
      if (type == ck_uint4) return __builtin_convertvector(numbers, v16);
      return __builtin_convertvector((narrow_i8)((numbers ^ 8) - 8), v16);
    }
    case ck_bfloat16: return (v16)(__builtin_convertvector(*(const narrow_u16 *)(row + 2 * j), wide_u32) << 16);
#if converts_half
    case ck_float16: return __builtin_convertvector(*(const narrow_f16 *)(row + 2 * j), v16);
#else
    case ck_float16: {
      v16 result;
      NAME(ck_half_to_float)(row + 2 * j, &result, lanes);
      return result;
    }
#endif
  }
  return splat(0);
}

/// Bytes that 16 numbers take.
INLINE size_t narrow_bytes(ck_narrow_type type) {
  return type == ck_int4 || type == ck_uint4 ? 8 : type == ck_float16 || type == ck_bfloat16 ? 32 : 16;
}

/// Two vectors of columns at a time and half as many rows: rows are often powers of two apart, and as many lines as a set
/// of the first cache has ways stay there until all of their numbers were read. What comes next is asked for: the system
/// that foresees reads does not see so short ones. 4,096 x 4,096 numbers, 1 and 8 rows of a: 1.29 and 3.29 ms of int8,
/// 1.08 and 2.84 with that, of float16 2.94 and 5.61, 1.85 and 3.15; of int8 with 16 rows and one vector 2.8 and 14.
enum { narrow_depth = depth_at_once / 2, narrow_columns = 2 * lanes };

/// Up to 32 columns of some rows of the matrix times as many factors of each row of a, added to c.
INLINE void add_narrow(
    ck_narrow_type type, const ck_narrow *m, size_t i, size_t j, size_t depth, const float *a, size_t a_step, size_t rows,
    float *c, size_t c_step, size_t count) {
  v16 factors[narrow_depth][2] = {};
  size_t counts[2] = {count < lanes ? count : lanes, count > lanes ? count - lanes : 0};
  for (size_t d = 0; d < depth; d++) {
    const char *row = (const char *)m->bytes + (i + d) * m->byte_step;
    __builtin_prefetch(row + j / lanes * narrow_bytes(type) + 256);
    for (size_t v = 0; v < 2; v++) {
      size_t n = counts[v], column = j + v * lanes;
      if (n < lanes) {
        char last[32] = {0};
        size_t bytes = narrow_bytes(type);
        memcpy(last, row + column / lanes * bytes, (n * bytes + lanes - 1) / lanes);
        factors[d][v] = widened(type, last, 0);
      } else {
        factors[d][v] = widened(type, row, column);
      }
      if (!m->scale) continue;
      size_t group = (i + d) / m->block * m->n + column;
      if (m->zero) factors[d][v] -= load_part(m->zero + group, n);
      factors[d][v] *= load_part(m->scale + group, n);
    }
  }
  for (size_t r = 0; r < rows; r++, a += a_step, c += c_step) {
    v16 sums[2] = {load_part(c, counts[0]), load_part(c + lanes, counts[1])};
    for (size_t d = 0; d < depth; d++) {
      v16 factor = splat(a[d]);
      for (size_t v = 0; v < 2; v++) sums[v] += factor * factors[d][v];
    }
    store_part(c, sums[0], counts[0]);
    store_part(c + lanes, sums[1], counts[1]);
  }
}

INLINE void narrow_product(
    ck_narrow_type type, const ck_narrow *m, const float *a, size_t a_step, size_t rows, size_t first, size_t n, float *c,
    size_t c_step) {
  for (size_t i = 0; i < m->k; i += narrow_depth) {
    size_t j = 0;
    if (i + narrow_depth <= m->k) {
      for (; j + narrow_columns <= n; j += narrow_columns) {
        add_narrow(type, m, i, first + j, narrow_depth, a + i, a_step, rows, c + j, c_step, narrow_columns);
      }
    }
    for (; j < n; j += narrow_columns) {
      size_t depth = m->k - i < narrow_depth ? m->k - i : narrow_depth;
      add_narrow(
          type, m, i, first + j, depth, a + i, a_step, rows, c + j, c_step, n - j < narrow_columns ? n - j : narrow_columns);
    }
  }
}

void NAME(ck_narrow_product)(
    const ck_narrow *matrix, const float *a, size_t a_step, size_t rows, size_t first, size_t n, const float *bias,
    float *c, size_t c_step) {
  // One scale for each column is multiplied with the sums, which for integers are exact.
  int is_last = matrix->scale && !matrix->zero && matrix->block >= matrix->k;
  ck_narrow numbers = *matrix;
  if (is_last) numbers.scale = NULL;
  for (size_t r = 0; r < rows; r++) {
    if (bias && !is_last) memcpy(c + r * c_step, bias, n * sizeof(float));
    else memset(c + r * c_step, 0, n * sizeof(float));
  }
#define CASE(type) \
  case type: narrow_product(type, &numbers, a, a_step, rows, first, n, c, c_step); break;
  switch (matrix->type) {
    CASE(ck_int8) CASE(ck_uint8) CASE(ck_int4) CASE(ck_uint4) CASE(ck_float16) CASE(ck_bfloat16)
  }
#undef CASE
  if (!is_last) return;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < n; j++) c[r * c_step + j] = c[r * c_step + j] * matrix->scale[first + j] + (bias ? bias[j] : 0);
  }
}
