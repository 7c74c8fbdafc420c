# SPDX-License-Identifier: Apache-2.0
# hashlib, hmac, secrets, uuid, os.urandom, zlib: known answers.
import hashlib
import hmac
import os
import secrets
import uuid

for name in ("md5", "sha1", "sha256", "sha3_512", "blake2b"):
    print(name, hashlib.new(name, b"abc").hexdigest()[:32])
print(hmac.new(b"key", b"message", "sha256").hexdigest(), hashlib.pbkdf2_hmac("sha256", b"p", b"s", 1000).hex())
print(hashlib.scrypt(b"p", salt=b"s", n=16, r=8, p=1, dklen=16).hex(), hashlib.file_digest(open("/dev/null", "rb"), "sha1").hexdigest())
print(uuid.uuid5(uuid.NAMESPACE_DNS, "python.org"), uuid.uuid4().version, len(uuid.uuid1().hex))
print(len(secrets.token_hex(8)), len(os.urandom(16)), len({os.urandom(8) for _ in range(100)}), len(open("/dev/urandom", "rb").read(10)))
