# SPDX-License-Identifier: Apache-2.0
# Codecs of all sorts, file names that are not UTF-8, locales that are not there, unicodedata.
import codecs
import locale
import os
import unicodedata

for name in ("utf-8", "utf-16", "utf-32-be", "utf-7", "latin-1", "cp1252", "cp437", "koi8-r", "gb18030", "shift_jis", "big5", "euc-kr", "idna", "punycode", "utf-8-sig"):
    try:
        print(name, "grüße я".encode(name, "replace")[:24])
    except UnicodeError as e:
        print(name, e)
for errors in ("strict", "ignore", "replace", "backslashreplace", "xmlcharrefreplace", "namereplace", "surrogateescape"):
    try:
        print(errors, "a\udc80é".encode("ascii", errors))
    except UnicodeEncodeError as e:
        print(errors, e)
print(codecs.encode(b"hex", "hex"), codecs.encode("abc", "rot13"), codecs.lookup("u8").name, b"\xff\xfe".decode("utf-8", "replace"))
with open(b"name-\xff", "w") as f:
    f.write("x")
print([ascii(n) for n in sorted(os.listdir()) if n.startswith("name")], os.fsencode("\udcff"), os.listdir(b".")[-1][:5] != b"")
print(locale.getpreferredencoding(), locale.getlocale(), locale.setlocale(locale.LC_CTYPE), locale.getencoding())
for wanted in ("C", "C.UTF-8", "POSIX", "xx_YY.UTF-8", ""):
    try:
        print(wanted, locale.setlocale(locale.LC_ALL, wanted))
    except locale.Error as e:
        print(wanted, e)
print(unicodedata.name("ß"), unicodedata.normalize("NFKD", "ﬁé"), unicodedata.unidata_version, "\N{SNOWMAN}", "ǅ".title(), "İ".lower(), len("👩‍👩‍👧"))
for raw in (b"# -*- coding: nothing -*-\n", b"x = '\xff'\n", b"\xef\xbb\xbfx = 1", b"# coding: latin-1\nx = '\xe9'\nprint(x)", b"x\x00 = 1"):
    try:
        exec(compile(raw, "<bytes>", "exec"))
    except (SyntaxError, ValueError) as e:
        print(type(e).__name__, e)
