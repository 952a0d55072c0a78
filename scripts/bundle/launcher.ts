/**
 * The script that starts a program of a bundle, for any POSIX shell. It needs nothing on PATH.
 *
 * Where the machine lacks a shared library that the bundle brings, the bundle's is used; what the
 * machine has goes first, because it fits its drivers.
 *
 * @param program what it starts, in words
 * @param command what Node gets, as shell words; `$here` is the folder of the script
 */
export function launcher(program: string, command: string): string {
  return `#!/bin/sh
# Starts ${program} with the Node in this folder. See README.md.
here=$(CDPATH= cd -- "\${0%/*}" && pwd) || exit 1

has() {
  for folder in /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/lib64 /lib64 \\
    /usr/lib /usr/local/lib; do
    [ -e "$folder/$1" ] && return 0
  done
  return 1
}
add() {
  LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$1"
  export LD_LIBRARY_PATH
}
# Where containers find NVIDIA's driver.
[ -d /usr/local/nvidia/lib64 ] && add /usr/local/nvidia/lib64
has libvulkan.so.1 || add "$here/lib/vulkan"
has libX11.so.6 || add "$here/lib/x11"

node=$here/bin/node
[ -x "$node" ] || node=node
exec "$node" ${command} "$@"
`;
}
