"""Lists a tar or a folder as JSON lines: the tests' second opinion, which shares no code with the package.

Usage: list_tree.py tar FILE | list_tree.py folder FOLDER
Names are bytes, written one character a byte. Folders' sizes and hard links' contents are not listed.
"""
import hashlib
import json
import os
import stat
import sys
import tarfile


def text(name):
    return os.fsencode(name).decode('latin-1')


def from_tar(path):
    kinds = {tarfile.REGTYPE: 'file', tarfile.DIRTYPE: 'directory', tarfile.SYMTYPE: 'symlink',
             tarfile.LNKTYPE: 'hardlink', tarfile.CHRTYPE: 'char', tarfile.BLKTYPE: 'block', tarfile.FIFOTYPE: 'fifo'}
    with tarfile.open(path, mode='r:*', encoding='utf-8', errors='surrogateescape') as archive:
        for member in archive:
            row = {'path': text(member.name), 'type': kinds[member.type], 'mode': member.mode & 0o7777, 'uid': member.uid,
                   'gid': member.gid, 'uname': member.uname, 'gname': member.gname, 'mtime': int(member.mtime)}
            if member.issym() or member.islnk():
                row['target'] = text(member.linkname)
            if member.isreg():
                row['sha256'] = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
            yield row


def from_folder(root):
    root = os.fsencode(root)
    pending = [b'']
    while pending:
        name = pending.pop()
        path = os.path.join(root, name) if name else root
        info = os.lstat(path)
        row = {'path': name.decode('latin-1'), 'mode': stat.S_IMODE(info.st_mode), 'uid': info.st_uid,
               'gid': info.st_gid, 'mtime': int(info.st_mtime)}
        if stat.S_ISDIR(info.st_mode):
            row['type'] = 'directory'
            pending += [os.path.join(name, child) for child in os.listdir(path)]
        elif stat.S_ISLNK(info.st_mode):
            row['type'] = 'symlink'
            row['target'] = os.readlink(path).decode('latin-1')
        elif stat.S_ISREG(info.st_mode):
            row['type'] = 'file'
            with open(path, 'rb') as file:
                row['sha256'] = hashlib.sha256(file.read()).hexdigest()
        else:
            row['type'] = 'other'
        yield row


for line in (from_tar if sys.argv[1] == 'tar' else from_folder)(sys.argv[2]):
    print(json.dumps(line))
