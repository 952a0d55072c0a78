"""Takes some files out of a wheel and checks each against the checksum in the wheel's RECORD.

    python3 unpack.py WHEEL FOLDER PATTERN...

Files whose name matches one of the patterns go to FOLDER. Prints one line of JSON: the wheel's
name, version and METADATA, and how many files were taken out.
"""

import base64
import csv
import hashlib
import io
import json
import os
import re
import sys
import zipfile

wheel, folder, patterns = sys.argv[1], sys.argv[2], [re.compile(p) for p in sys.argv[3:]]
try:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    info = next(n for n in names if re.fullmatch(r"[^/]+\.dist-info/RECORD", n))[: -len("RECORD")]
    rows = csv.reader(io.StringIO(archive.read(info + "RECORD").decode()))
    record = {row[0]: row[1] for row in rows if len(row) > 1}
    metadata = archive.read(info + "METADATA").decode()
    taken = [n for n in names if not n.endswith("/") and any(p.match(n) for p in patterns)]
    for name in taken:
        # A path that leads out of the folder, or a file that RECORD does not vouch for, ends it all.
        target = os.path.normpath(os.path.join(folder, name))
        if not target.startswith(os.path.normpath(folder) + os.sep):
            sys.exit(f"{name} leads out of the folder")
        digest = hashlib.sha256()
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(name) as source, open(target, "wb") as out:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
                out.write(chunk)
        found = "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        if found != record.get(name):
            sys.exit(f"{name} does not match its checksum")
        if "/bin/" in name:
            os.chmod(target, 0o755)
except (zipfile.BadZipFile, StopIteration, KeyError, EOFError) as error:
    sys.exit(f"is not a whole wheel ({error!r})")
except OSError as error:
    sys.exit(f"cannot be unpacked ({error.strerror})")

fields = dict(re.findall(r"^(Name|Version): (.+)$", metadata, re.M))
print(json.dumps({"name": fields["Name"], "version": fields["Version"], "metadata": metadata, "files": len(taken)}))
