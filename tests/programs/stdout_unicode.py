# SPDX-License-Identifier: Apache-2.0
# Every plane, combining characters, controls, surrogate escapes from file names.
import sys
import unicodedata

print("äöüß αβγ ивр 漢字 한국어 עברית 🎉 👩‍🚀 \U0001f9ff \u2028|\u2029|\x85|\ufeff|\ufffd")
print("e\u0301", unicodedata.normalize("NFC", "e\u0301"), unicodedata.name("🐍"))
print('quotes " \\ / \t tab \r return \b back \f feed \v vertical')
print(b"file-\xff".decode(sys.getfilesystemencoding(), "surrogateescape").encode("utf-8", "surrogateescape"))
print("\udc80 escaped" if sys.stdout.errors == "surrogateescape" else "strict")
