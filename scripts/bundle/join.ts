import { CHECKSUMS } from "./parts.ts";

/**
 * The script that joins the parts of a bundle, for any POSIX shell with tar and gzip. It needs neither Node nor a
 * network: it names parts that are missing or damaged, and unpacks only when all are right.
 *
 * @param name of the folder that is packed
 * @param bytes what it takes when it is unpacked
 */
export function joinScript(name: string, bytes: number): string {
  const kilobytes = Math.ceil(bytes / 1024);
  return `#!/bin/sh
# Checks the parts beside this file and unpacks them: sh join.sh [FOLDER]. See README.md.
fail() {
  echo "join.sh: $1" >&2
  exit 1
}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd) || exit 1
mkdir -p "\${1:-.}" && target=$(CDPATH= cd -- "\${1:-.}" && pwd) || fail "\${1:-.} cannot be written."
[ -e "$target/${name}" ] && fail "$target/${name} exists already. Remove it, or name another folder."
cd "$here" || exit 1
[ -f ${CHECKSUMS} ] || fail "${CHECKSUMS} is missing beside it. Copy it here."

if command -v sha256sum >/dev/null 2>&1; then sum() { sha256sum "$1"; }
elif command -v shasum >/dev/null 2>&1; then sum() { shasum -a 256 "$1"; }
elif command -v openssl >/dev/null 2>&1; then sum() { openssl dgst -sha256 -r "$1"; }
else fail "needs sha256sum, shasum or openssl to check the parts."
fi

bad= parts=
while read -r wanted part; do
  parts="$parts $part"
  if [ ! -f "$part" ]; then bad="$bad $part (missing)"
  else
    found=$(sum "$part")
    [ "\${found%% *}" = "$wanted" ] || bad="$bad $part (damaged)"
  fi
done < ${CHECKSUMS}
[ -z "$bad" ] || fail "copy again:$bad"

free=$(df -Pk "$target" 2>/dev/null | tail -n 1 | { read -r _ _ _ free _; echo "$free"; })
case $free in
  "" | *[!0-9]*) ;; # df says nothing: try
  *) [ "$free" -gt ${kilobytes} ] || fail "$target: needs ${kilobytes} KB, $free KB are free. Name another folder." ;;
esac

# It gets its name only when it is complete.
rm -rf "$target/${name}.part"
mkdir "$target/${name}.part" || fail "$target cannot be written."
# The names of the parts hold no blanks.
if cat $parts | gzip -dc | tar -C "$target/${name}.part" -xf - && mv "$target/${name}.part/${name}" "$target/${name}"
then rmdir "$target/${name}.part"
else
  rm -rf "$target/${name}.part"
  fail "the parts are right, but cannot be unpacked. Is the disk full?"
fi
echo "All parts are right. Unpacked: $target/${name}. Next: $target/${name}/run"
`;
}
