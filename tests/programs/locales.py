# SPDX-License-Identifier: Apache-2.0
# The locale is C.UTF-8.
import locale

print(locale.setlocale(locale.LC_ALL, ""), locale.getpreferredencoding(), locale.getlocale(), locale.localeconv()["decimal_point"])
try:
    locale.setlocale(locale.LC_ALL, "tlh_QO")
except locale.Error as e:
    print(e)
print(sorted("éaZb", key=locale.strxfrm), open("x", "w").encoding)
