# SPDX-License-Identifier: Apache-2.0
# decimal, fractions, statistics, cmath, math, random with a seed, complex, float forms.
import cmath
import decimal
import fractions
import math
import random
import statistics
from decimal import Decimal as D

with decimal.localcontext() as c:
    c.prec = 50
    print(D(2).sqrt(), D("0.1") + D("0.2"))
print(fractions.Fraction(3.25), sum(fractions.Fraction(1, n) for n in range(1, 20)), fractions.Fraction("0.125").limit_denominator(3))
print(statistics.mean([1, 2, 4]), statistics.pstdev([1, 2, 4]), statistics.quantiles(range(10)))
print(cmath.exp(1j * cmath.pi), abs(3 + 4j), math.comb(50, 25), math.gcd(12, 18), math.hypot(3, 4), math.nextafter(1, 2))
random.seed(42)
print(random.random(), random.sample(range(100), 5), random.choices("abc", k=5), random.gauss(0, 1))
print(0.1 + 0.2, 1e308 * 10, -0.0, float("nan"), (0.1).hex(), round(2.5), 7 // -2, 7 % -2, divmod(-7, 2), f"{1234567.891:,.2f} {255:#x} {0.5:%}")
