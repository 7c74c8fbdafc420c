# SPDX-License-Identifier: Apache-2.0
# re, string, textwrap, difflib, unicodedata, codecs, translations, formatting.
import codecs
import difflib
import re
import string
import textwrap

print(re.sub(r"(?P<y>\d{4})-(\d\d)", r"\2/\g<y>", "on 2026-11"), re.findall(r"\b\w+é\b", "café thé the"), re.split(r"[,;]\s*", "a, b;c"))
print(string.Template("$who is ${n}").substitute(who="he", n=5), "{0!r:>8}|{x.real:^5}|{y[k]}".format("a", x=3, y={"k": 1}))
print(textwrap.fill("the quick brown fox jumps over the lazy dog " * 2, 30))
print("\n".join(difflib.unified_diff("a b c".split(), "a x c".split(), lineterm="")), difflib.get_close_matches("appel", ["ape", "apple"]))
for codec in ("latin-1", "utf-16-le", "cp1252", "shift_jis", "punycode", "rot13", "idna"):
    try:
        print(codec, codecs.encode("grüße" if codec not in ("shift_jis", "rot13") else "ABC", codec))
    except UnicodeError as e:
        print(codec, e)
print("ǅ".lower(), "ß".upper(), "İ".casefold() == "i̇", "abc".translate({97: "A", 98: None}), "%05.1f|%-5s|%x" % (3.14159, "ab", 255), b"%d" % 5)
try:
    b"\xff".decode()
except UnicodeDecodeError as e:
    print(e)
