#include "../include/kernels.h"
#include "vector.h"

// As many sums as hide a multiplication's latency, and as registers hold.
enum { peak_sums = rows_at_once > 4 ? 12 : rows_at_once > 1 ? 6 : 3 };

void NAME(ck_peak)(size_t rounds, float *result) {
  v16 total = splat(0), factor = splat(0.999f), summand = splat(0.001f);
  for (int first = 0; first < ck_peak_lanes / lanes; first += peak_sums) {
    v16 sums[peak_sums];
    for (int s = 0; s < peak_sums; s++) sums[s] = splat((float)(first + s) + 0.5f);
    for (size_t i = 0; i < rounds; i++) {
      // Opaque, so that the loop is neither shortened nor taken apart.
      __asm__ volatile("" : "+r"(i));
      for (int s = 0; s < peak_sums; s++) sums[s] = sums[s] * factor + summand;
    }
    for (int s = 0; s < peak_sums; s++) total += sums[s];
  }
  store(result, total);
}
