import { closeSync, constants, openSync, readSync } from 'node:fs'
import { DockerToolsError, systemErrorCode } from '#errors'
import { endOfArchive, type TarHeader } from '#tar'
import { type ScannedEntry, scanTree } from '#tree'
import { type ByteString, byteStringToText, toByteString, toFsPath } from '#util'
import type { ChunkWriter } from './chunk-writer.ts'
import { Fingerprint } from './fingerprint.ts'
import type { LayerRoot, StoreLayerSpec } from './store-layer-spec.ts'

/**
 * Writes the tar of a store layer as upstream's stream script makes it: `/nix/`
 * and `/nix/store/` first, whatever the store's folder, then each path with all
 * that is below it in `pathlib`'s order. Synchronous, for worker threads.
 *
 * @returns What the files looked like, to tell later whether they still do.
 * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`, `FILE_TYPE_UNSUPPORTED`.
 * @see nixpkgs `stream_layered_image.py`, `archive_paths_to`
 */
export function writeStoreLayer(spec: StoreLayerSpec, out: ChunkWriter): Fingerprint {
  const fingerprint = new Fingerprint()
  for (const header of leadingHeaders(spec)) out.header(header)
  for (const root of spec.roots) writeRoot(root, spec, out, fingerprint)
  out.bytes(endOfArchive(out.size))
  out.flush()
  return fingerprint
}

/** The members that every store layer begins with. */
export function leadingHeaders(spec: Pick<StoreLayerSpec, 'owner' | 'mtimeSeconds'>): TarHeader[] {
  return ['/nix', '/nix/store'].map((path) => ({
    type: 'directory',
    path: toByteString(path),
    mode: 0o755,
    ...ownerFields(spec),
  }))
}

/** What every member of a store layer has in common. */
export function ownerFields(
  spec: Pick<StoreLayerSpec, 'owner' | 'mtimeSeconds'>,
): Pick<TarHeader, 'uid' | 'gid' | 'uname' | 'gname' | 'mtimeSeconds'> {
  return {
    uid: spec.owner.uid,
    gid: spec.owner.gid,
    uname: toByteString(spec.owner.uname),
    gname: toByteString(spec.owner.gname),
    mtimeSeconds: spec.mtimeSeconds,
  }
}

/** Only looks at the files of a layer, to see whether they are as they were when it was measured. */
export function fingerprintStoreLayer(spec: StoreLayerSpec): Fingerprint {
  const fingerprint = new Fingerprint()
  for (const root of spec.roots) {
    for (const entry of scanTree(root.physical, { order: 'pathlib' })) fingerprint.add(entry)
  }
  return fingerprint
}

function writeRoot(root: LayerRoot, spec: StoreLayerSpec, out: ChunkWriter, fingerprint: Fingerprint): void {
  const { uid, gid, uname, gname, mtimeSeconds } = ownerFields(spec)
  for (const entry of scanTree(root.physical, { order: 'pathlib' })) {
    fingerprint.add(entry)
    const below = entry.path === '' ? '' : `/${entry.path}`
    // One object literal a kind, not a spread over a common part: this runs for every file.
    const path = (root.logical + below) as ByteString
    const mode = root.canonicalModes ? canonicalMode(entry) : entry.mode
    switch (entry.type) {
      case 'file':
        out.header({ type: 'file', path, mode, uid, gid, uname, gname, mtimeSeconds, size: entry.size })
        if (entry.size > 0) writeBody((root.physical + below) as ByteString, entry.size, out)
        break
      case 'directory':
      case 'fifo':
        out.header({ type: entry.type, path, mode, uid, gid, uname, gname, mtimeSeconds })
        break
      case 'symlink':
        out.header({ type: 'symlink', path, mode, uid, gid, uname, gname, mtimeSeconds, target: entry.target })
        break
      case 'char':
      case 'block':
        out.header({
          type: entry.type,
          path,
          mode,
          uid,
          gid,
          uname,
          gname,
          mtimeSeconds,
          major: entry.major,
          minor: entry.minor,
        })
        break
      case 'socket':
        throw socketInLayer((root.physical + below) as ByteString)
    }
  }
}

/** What is said of a socket: nothing in an image could use one. */
export function socketInLayer(path: ByteString): DockerToolsError {
  return new DockerToolsError(
    'FILE_TYPE_UNSUPPORTED',
    `Cannot put "${byteStringToText(path)}" into a layer: it is a socket`,
  )
}

/** The mode that a file of this kind has in a Nix store. */
export function canonicalMode(entry: Pick<ScannedEntry, 'type' | 'mode'>): number {
  if (entry.type === 'symlink') return 0o777
  if (entry.type === 'directory') return 0o555
  return (entry.mode & 0o100) === 0 ? 0o444 : 0o555
}

// A file may be swapped for a link or a fifo between the look and the open: follow neither, wait for neither.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

function writeBody(path: ByteString, size: number, out: ChunkWriter): void {
  let fd: number
  try {
    fd = openSync(toFsPath(path), OPEN_FLAGS)
  } catch (error) {
    throw openFailure(path, error)
  }
  try {
    let left = size
    let sawEnd = false
    while (left > 0) {
      const room = out.room()
      // One byte more than there should be, where it fits: a file that has grown shows itself in the same call.
      const asked = Math.min(left + 1, room)
      const got = readSync(fd, out.buffer, out.offset, asked, null)
      if (got === 0) throw changed(path, `it ended ${left} bytes early`)
      if (got > left) throw changed(path, 'it grew')
      sawEnd = asked > left
      out.offset += got
      left -= got
    }
    if (!sawEnd && readSync(fd, PROBE, 0, 1, null) > 0) throw changed(path, 'it grew')
  } finally {
    closeSync(fd)
  }
  out.pad(size)
}

const PROBE = new Uint8Array(1)

function changed(path: ByteString, how: string): DockerToolsError {
  return new DockerToolsError('FILE_CHANGED', `Cannot read "${byteStringToText(path)}": ${how} while it was read`)
}

function openFailure(path: ByteString, error: unknown): DockerToolsError {
  const code = systemErrorCode(error)
  if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') {
    return new DockerToolsError(
      'FILE_CHANGED',
      `Cannot read "${byteStringToText(path)}": it vanished or was replaced while the tree was read`,
      { cause: error },
    )
  }
  return new DockerToolsError('FILE_UNREADABLE', `Cannot read "${byteStringToText(path)}": ${code ?? String(error)}`, {
    cause: error,
    ...(code === 'EACCES' ? { hint: 'Make it readable for the user that builds the image' } : {}),
  })
}
