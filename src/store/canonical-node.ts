import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lutimesSync,
  lstatSync,
  openSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { type ByteString, toFsPath } from '#util'

/** Nix gives every file of a store this time, the first second of 1970. */
const STORE_TIME_SECONDS = 1
const FOLDER_MODE = 0o555
const OWNER_EXECUTES = 0o100

/** The mode that a file has in a store. */
export function fileMode(mode: number): number {
  return (mode & OWNER_EXECUTES) === 0 ? 0o444 : 0o555
}

/** Makes a file with a store's mode and time. `write` gets its descriptor. */
export function makeFile(path: ByteString, mode: number, write: (fd: number) => void): void {
  const fd = openNewFile(path)
  try {
    write(fd)
    finishFile(fd, mode)
  } finally {
    closeSync(fd)
  }
}

/** Opens a file that must not be there yet. */
export function openNewFile(path: ByteString): number {
  return openSync(toFsPath(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
}

/** Gives a file that has been written the mode and time of a store. */
export function finishFile(fd: number, mode: number): void {
  // Not by the mode of creation: the umask would have its say.
  fchmodSync(fd, fileMode(mode))
  futimesSync(fd, STORE_TIME_SECONDS, STORE_TIME_SECONDS)
}

/** Makes a symlink with a store's time. */
export function makeSymlink(path: ByteString, target: ByteString): void {
  const fsPath = toFsPath(path)
  symlinkSync(toFsPath(target), fsPath)
  lutimesSync(fsPath, STORE_TIME_SECONDS, STORE_TIME_SECONDS)
}

/** Gives what is at `path` the mode and time of a store. A folder has to be complete: nothing can be added afterwards. */
export function sealNode(path: ByteString): void {
  const fsPath = toFsPath(path)
  const stats = lstatSync(fsPath)
  if (stats.isSymbolicLink()) {
    lutimesSync(fsPath, STORE_TIME_SECONDS, STORE_TIME_SECONDS)
    return
  }
  chmodSync(fsPath, stats.isDirectory() ? FOLDER_MODE : fileMode(stats.mode))
  utimesSync(fsPath, STORE_TIME_SECONDS, STORE_TIME_SECONDS)
}

/** Seals a folder that is known to be one. */
export function sealFolder(path: ByteString): void {
  const fsPath = toFsPath(path)
  chmodSync(fsPath, FOLDER_MODE)
  utimesSync(fsPath, STORE_TIME_SECONDS, STORE_TIME_SECONDS)
}
