#include "../include/kernels.h"
#include "vector.h"

#include <math.h>

INLINE float sum_of(const float *x, size_t count) {
  v16 a = {}, b = {};
  size_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    a += load(x + i);
    b += load(x + i + lanes);
  }
  for (; i + lanes <= count; i += lanes) a += load(x + i);
  if (i < count) b += load_part(x + i, count - i);
  return sum(a + b);
}

void NAME(ck_layer_norm)(
    const float *x, const float *gamma, const float *beta, float *y, size_t rows, size_t columns, double epsilon) {
  for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
    float mean = sum_of(x, columns) / columns;
    v16 squares = {};
    size_t i = 0;
    for (; i + lanes <= columns; i += lanes) {
      v16 difference = load(x + i) - mean;
      squares += difference * difference;
    }
    float variance = sum(squares);
    for (; i < columns; i++) variance += (x[i] - mean) * (x[i] - mean);
    float scale = (float)(1 / sqrt((double)variance / columns + epsilon));
    for (i = 0; i + lanes <= columns; i += lanes) {
      store(y + i, (load(x + i) - mean) * scale * load(gamma + i) + load(beta + i));
    }
    for (; i < columns; i++) y[i] = (x[i] - mean) * scale * gamma[i] + beta[i];
  }
}

void NAME(ck_scale_blocks)(
    const float *x, const int *of, size_t count, const float *scale, size_t size, float *y) {
  for (size_t block = 0; block < count; block++, x += size, y += size) {
    float factor = scale[of[block]];
    size_t i = 0;
    for (; i + lanes <= size; i += lanes) store(y + i, load(x + i) * factor);
    for (; i < size; i++) y[i] = x[i] * factor;
  }
}

void NAME(ck_softmax)(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
    v16 best = splat(-INFINITY);
    size_t i = 0;
    for (; i + lanes <= columns; i += lanes) best = pick(load(x + i) > best, load(x + i), best);
    float top = largest(best);
    for (; i < columns; i++) top = x[i] > top ? x[i] : top;
    v16 total = {};
    for (i = 0; i + lanes <= columns; i += lanes) {
      v16 e = exponential(load(x + i) - top);
      total += e;
      store(y + i, e);
    }
    float whole = sum(total);
    if (i < columns) {
      v16 e = exponential(load_part(x + i, columns - i) - top);
      for (size_t j = 0; i + j < columns; j++) whole += e[j];
      store_part(y + i, e, columns - i);
    }
    float scale = 1 / whole;
    for (i = 0; i + lanes <= columns; i += lanes) store(y + i, load(y + i) * scale);
    for (; i < columns; i++) y[i] *= scale;
  }
}

// Rows are added in blocks, so that rounding errors grow with the square root of their number.
enum { block = 64 };

void NAME(ck_sum_middle)(const float *x, float *y, size_t outer, size_t size, size_t inner, float scale) {
  for (size_t o = 0; o < outer; o++, x += size * inner, y += inner) {
    for (size_t i = 0; i < inner; i += lanes) {
      size_t n = inner - i < lanes ? inner - i : lanes;
      v16 total = {};
      for (size_t first = 0; first < size; first += block) {
        size_t end = size - first < block ? size : first + block;
        v16 part = {};
        if (n == lanes) {
          for (size_t s = first; s < end; s++) part += load(x + s * inner + i);
        } else {
          for (size_t s = first; s < end; s++) part += load_part(x + s * inner + i, n);
        }
        total += part;
      }
      store_part(y + i, total * scale, n);
    }
  }
}

void NAME(ck_sum_rows)(const float *x, float *y, size_t rows, size_t columns, float scale) {
  for (size_t row = 0; row < rows; row++, x += columns) {
    float total = 0;
    for (size_t i = 0; i < columns; i += 4096) total += sum_of(x + i, columns - i < 4096 ? columns - i : 4096);
    y[row] = total * scale;
  }
}

void NAME(ck_transpose)(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t columns) {
  // Squares of one cache line on each side.
  for (size_t i0 = 0; i0 < rows; i0 += lanes) {
    size_t i1 = rows - i0 < lanes ? rows : i0 + lanes;
    for (size_t j0 = 0; j0 < columns; j0 += lanes) {
      size_t j1 = columns - j0 < lanes ? columns : j0 + lanes;
      for (size_t j = j0; j < j1; j++) {
        for (size_t i = i0; i < i1; i++) y[j * y_step + i] = x[i * x_step + j];
      }
    }
  }
}
