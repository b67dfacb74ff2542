import { createHash, type Hash as Hasher } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { DockerToolsError, systemErrorCode } from '#errors'
import { scanTree } from '#tree'
import { type ByteString, byteStringToText, toFsPath } from '#util'
import type { NarMeasure } from './measure-nar.ts'
import { NarEncoder } from './nar-encoder.ts'

/** Files between two looks at what else the process has to do. */
const FILES_A_TURN = 256
const BUFFER_BYTES = 1024 * 1024

/**
 * Hashes and counts the NAR of a tree on disk: what `measureNar` does, several
 * times as fast, because it reads synchronously, with a break now and then.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE`, `FILE_CHANGED`, `FILE_TYPE_UNSUPPORTED`.
 */
export async function measureNarOnDisk(root: ByteString): Promise<NarMeasure> {
  const hash = createHash('sha256')
  const encoder = new NarEncoder()
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let narSize = 0
  let filesInTurn = 0
  const add = (piece: Uint8Array): void => {
    hash.update(piece)
    narSize += piece.length
  }
  for (const entry of scanTree(root, { order: 'bytes' })) {
    add(encoder.head(entry))
    if (entry.type === 'file') {
      const path = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
      hashBody(path, entry.size, hash, buffer)
      narSize += entry.size
      // A large file is a turn of its own.
      filesInTurn += 1 + entry.size / BUFFER_BYTES
    }
    add(encoder.tail(entry))
    if (filesInTurn < FILES_A_TURN) continue
    filesInTurn = 0
    await setImmediate()
  }
  add(encoder.end())
  return { narHash: { algorithm: 'sha256', bytes: hash.digest() }, narSize }
}

function hashBody(path: ByteString, size: number, hash: Hasher, buffer: Buffer): void {
  const fd = openFile(path)
  try {
    let left = size
    for (;;) {
      const got = readSync(fd, buffer, 0, buffer.length, null)
      if (got === 0) break
      left -= got
      if (left < 0) break
      hash.update(got === buffer.length ? buffer : buffer.subarray(0, got))
    }
    if (left !== 0) throw changed(path)
  } finally {
    closeSync(fd)
  }
}

function openFile(path: ByteString): number {
  try {
    return openSync(toFsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') throw changed(path)
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${byteStringToText(path)}": ${code ?? String(error)}`, {
      cause: error,
    })
  }
}

function changed(path: ByteString): DockerToolsError {
  return new DockerToolsError('FILE_CHANGED', `Cannot read "${byteStringToText(path)}": it changed while it was read`)
}
