/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bootstrap.h"

#include "engine/base/assert.h"
#include "engine/base/random.h"

#include <math.h>
#include <stdlib.h>

#define STEPS 512         /* of Simpson's rule: even */
#define HALVINGS 48       /* of the interval that holds the quantile */
#define DEGREES_MAX 200.0 /* from here on as good as the normal distribution */
#define HALF_PI 1.570796326794896619

/* With t = sqrt(degrees) tan(angle) the density is cos(angle)^(degrees - 1), but for a constant. */
static double integral(double degrees, double to_angle)
{
    double sum = 0, step = to_angle / STEPS;
    for (int i = 0; i <= STEPS; i++) {
        double weight = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;
        sum += weight * pow(cos(step * i), degrees - 1);
    }
    return sum * step / 3;
}

double ww_student_quantile(double confidence, double degrees)
{
    degrees = fmin(degrees, DEGREES_MAX);
    double low = 0, high = HALF_PI, whole = integral(degrees, HALF_PI);
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (integral(degrees, middle) < confidence * whole)
            low = middle;
        else
            high = middle;
    }
    return sqrt(degrees) * tan((low + high) / 2);
}

static double mean_of(const struct ww_bootstrap_factor *factor)
{
    double sum = 0;
    for (uint32_t i = 0; i < factor->count; i++)
        sum += factor->values[i];
    return sum / factor->count;
}

/* The variance of the logarithm of the factor's mean, to first order. */
static double log_variance(const struct ww_bootstrap_factor *factor)
{
    double mean = mean_of(factor), squares = 0;
    for (uint32_t i = 0; i < factor->count; i++)
        squares += (factor->values[i] / mean - 1) * (factor->values[i] / mean - 1);
    return squares / (factor->count - 1) / factor->drawn;
}

/* What the deviations are multiplied with because there are few values (Welch, Satterthwaite). */
static double stretch_of(const struct ww_bootstrap_factor *factors, uint32_t count,
                         double confidence)
{
    double sum = 0, parts = 0;
    for (uint32_t i = 0; i < count; i++) {
        double variance = log_variance(&factors[i]);
        sum += variance;
        parts += variance * variance / (factors[i].count - 1);
    }
    if (parts == 0)
        return 1;
    return ww_student_quantile(confidence, sum * sum / parts) /
           ww_student_quantile(confidence, DEGREES_MAX);
}

static double draw(const struct ww_bootstrap_factor *factor, struct ww_random *random)
{
    double sum = 0;
    for (uint32_t i = 0; i < factor->drawn; i++)
        sum += factor->values[ww_random_range(random, 0, factor->count)];
    double deviation = log(sum / factor->drawn / mean_of(factor));
    return deviation * sqrt((double)factor->count / (factor->count - 1));
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

void ww_bootstrap(const struct ww_bootstrap_factor *factors, uint32_t count, double confidence,
                  uint64_t seed, double *low, double *high)
{
    WW_ASSERT(count > 0 && count <= WW_BOOTSTRAP_FACTORS_MAX);
    static double deviations[WW_BOOTSTRAP_DRAWS];
    struct ww_random random = {seed};
    for (uint32_t i = 0; i < WW_BOOTSTRAP_DRAWS; i++) {
        deviations[i] = 0;
        for (uint32_t k = 0; k < count; k++)
            deviations[i] += factors[k].power * draw(&factors[k], &random);
    }
    qsort(deviations, WW_BOOTSTRAP_DRAWS, sizeof(deviations[0]), by_size);
    uint32_t tail = (uint32_t)((1 - confidence) / 2 * WW_BOOTSTRAP_DRAWS);
    double stretch = stretch_of(factors, count, confidence);
    *low = stretch * deviations[tail];
    *high = stretch * deviations[WW_BOOTSTRAP_DRAWS - 1 - tail];
}
