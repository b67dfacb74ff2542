#!/bin/sh
# Makes the root of a mount namespace anew from the machine's own folders, with a /nix of its own, and stays there
# until it is ended. The machine's /nix, if there is one, is neither seen nor touched.
# Usage, as root: unshare --mount sh nix-room.sh ROOT NIX PROJECT NODE LAB
set -eu
root=$1
mount -t tmpfs -o mode=755 room "$root"
for entry in /*; do
  name=${entry#/}
  case $name in nix | project | node | lab) continue ;; esac
  if [ -L "$entry" ]; then
    cp -P "$entry" "$root/$name"
  elif [ -d "$entry" ]; then
    mkdir "$root/$name"
    mount --rbind "$entry" "$root/$name"
  fi
done
for place in nix project node lab; do
  shift
  mkdir "$root/$place"
  mount --rbind "$1" "$root/$place"
done
cd "$root"
mkdir .before
pivot_root . .before
umount --lazy /.before
rmdir /.before
echo ready
exec sleep infinity
