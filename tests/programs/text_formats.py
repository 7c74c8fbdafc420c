# SPDX-License-Identifier: Apache-2.0
# json, csv, configparser, tomllib, xml, html, pickle, plist, base64, struct, urllib.parse, email, mimetypes.
import base64
import configparser
import csv
import email.message
import html.parser
import io
import json
import mimetypes
import plistlib
import struct
import urllib.parse
import xml.etree.ElementTree as ET

print(json.dumps({"b": [1, 2.5, None, True], "a": "é\u2028\"\\"}, sort_keys=True), json.loads('{"x": 1e400}'))
try:
    json.loads("[1,]")
except json.JSONDecodeError as e:
    print(e)
out = io.StringIO()
csv.writer(out).writerows([["a", 'quo"te'], ["x,y", "new\nline"]])
print(repr(out.getvalue()), list(csv.DictReader(io.StringIO("h1,h2\n1,2\n"))))
c = configparser.ConfigParser()
c.read_string("[s]\nkey = 1\nother = %(key)s2\n")
print(dict(c["s"]), c.getint("s", "other"))
root = ET.fromstring("<r><i n='1'>one</i><i n='2'/></r>")
print([(e.get("n"), e.text) for e in root.iter("i")], ET.tostring(root))
print(plistlib.loads(plistlib.dumps({"k": [1, b"x"]})), struct.pack(">IHb", 1, 2, -3), struct.unpack("<d", bytes(8)))
print(base64.b64encode(b"\x00\xff"), base64.b32encode(b"hi"), base64.b85encode(b"hello"))
print(urllib.parse.urlsplit("http://u@h:80/p?q=1#f"), urllib.parse.quote("ü /"), urllib.parse.parse_qs("a=1&a=2"))
m = email.message.EmailMessage()
m["Subject"] = "Grüße"
m.set_content("text")
print(m.as_string(), mimetypes.guess_type("a.png"), html.escape("<&>"))
