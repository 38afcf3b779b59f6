#include "../include/kernels.h"
#include "vector.h"

enum { width = ck_panel_width, vectors = ck_panel_width / lanes };

void NAME(ck_pack)(const float *b, size_t k, size_t n, float *packed) {
  for (size_t first = 0; first < n; first += width) {
    size_t count = n - first < width ? n - first : width;
    for (size_t i = 0; i < k; i++, packed += width) {
      memset(packed, 0, width * sizeof(float));
      memcpy(packed, b + i * n + first, count * sizeof(float));
    }
  }
}

/// Some rows times one panel, all sums in registers. `rows` is a constant where this is inlined.
INLINE void panel(
    int rows, const float *a, size_t a_step, const float *b, size_t k, const float *bias, float *c, size_t c_step,
    size_t count, int accumulates) {
  v16 sums[6][vectors];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      size_t first = v * lanes, n = count > first ? (count - first < lanes ? count - first : lanes) : 0;
      sums[r][v] = bias ? load_part(bias + first, n) : splat(0);
      if (accumulates) sums[r][v] += load_part(c + r * c_step + first, n);
    }
  }
  for (size_t i = 0; i < k; i++, b += width) {
    for (int r = 0; r < rows; r++) {
      v16 value = splat(a[r * a_step + i]);
      for (int v = 0; v < vectors; v++) sums[r][v] += value * load(b + v * lanes);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      size_t first = v * lanes, n = count > first ? (count - first < lanes ? count - first : lanes) : 0;
      store_part(c + r * c_step + first, sums[r][v], n);
    }
  }
}

/// One row times one panel: two sums for each vector, because one would wait for itself.
INLINE void single(
    const float *a, const float *b, size_t k, const float *bias, float *c, size_t count, int accumulates) {
  v16 even[vectors], odd[vectors];
  for (int v = 0; v < vectors; v++) {
    size_t first = v * lanes, n = count > first ? (count - first < lanes ? count - first : lanes) : 0;
    even[v] = bias ? load_part(bias + first, n) : splat(0);
    if (accumulates) even[v] += load_part(c + first, n);
    odd[v] = splat(0);
  }
  size_t i = 0;
  for (; i + 2 <= k; i += 2, b += 2 * width) {
    v16 x = splat(a[i]), y = splat(a[i + 1]);
    for (int v = 0; v < vectors; v++) {
      even[v] += x * load(b + v * lanes);
      odd[v] += y * load(b + width + v * lanes);
    }
  }
  if (i < k) {
    for (int v = 0; v < vectors; v++) even[v] += splat(a[i]) * load(b + v * lanes);
  }
  for (int v = 0; v < vectors; v++) {
    size_t first = v * lanes, n = count > first ? (count - first < lanes ? count - first : lanes) : 0;
    store_part(c + first, even[v] + odd[v], n);
  }
}

void NAME(ck_packed_product)(
    const float *a, size_t a_step, size_t rows, const float *packed, size_t k, size_t n, const float *bias, float *c,
    size_t c_step, int accumulates) {
  for (size_t first = 0; first < n; first += width, packed += k * width) {
    size_t count = n - first < width ? n - first : width;
    const float *add = bias ? bias + first : NULL;
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      panel(4, a + r * a_step, a_step, packed, k, add, c + r * c_step + first, c_step, count, accumulates);
    }
    for (; r + 2 <= rows; r += 2) {
      panel(2, a + r * a_step, a_step, packed, k, add, c + r * c_step + first, c_step, count, accumulates);
    }
    if (r < rows) single(a + r * a_step, packed, k, add, c + r * c_step + first, count, accumulates);
  }
}
