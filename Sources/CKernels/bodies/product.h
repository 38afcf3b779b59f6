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

/// Up to 16 elements of some rows of b times as many factors of each row of a, added to c.
INLINE void add_products(
    const float *a, size_t a_step, size_t rows, const char *b, size_t b_step, size_t depth, float *c, size_t c_step,
    size_t count) {
  v16 factors[depth_at_once] = {};
  for (size_t d = 0; d < depth; d++) {
    if (count == lanes) factors[d] = *(const any_v16 *)(b + d * b_step * sizeof(float));
    else memcpy(&factors[d], b + d * b_step * sizeof(float), count * sizeof(float));
  }
  for (size_t r = 0; r < rows; r++, a += a_step, c += c_step) {
    v16 sums = load_part(c, count);
    for (size_t d = 0; d < depth; d++) sums += splat(a[d]) * factors[d];
    store_part(c, sums, count);
  }
}

void NAME(ck_streamed_product)(
    const float *a, size_t a_step, size_t rows, const void *b, size_t b_step, size_t k, size_t n, const float *bias,
    float *c, size_t c_step) {
  for (size_t r = 0; r < rows; r++) {
    if (bias) memcpy(c + r * c_step, bias, n * sizeof(float));
    else memset(c + r * c_step, 0, n * sizeof(float));
  }
  for (size_t i = 0; i < k; i += depth_at_once) {
    const char *from = (const char *)b + i * b_step * sizeof(float);
    size_t j = 0;
    if (i + depth_at_once <= k) {
      for (; j + lanes <= n; j += lanes) {
        add_products(a + i, a_step, rows, from + j * sizeof(float), b_step, depth_at_once, c + j, c_step, lanes);
      }
    }
    for (; j < n; j += lanes) {
      size_t depth = k - i < depth_at_once ? k - i : depth_at_once, count = n - j < lanes ? n - j : lanes;
      add_products(a + i, a_step, rows, from + j * sizeof(float), b_step, depth, c + j, c_step, count);
    }
  }
}
