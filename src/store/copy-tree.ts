import { mkdirSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { DockerToolsError } from '#errors'
import { type ScannedEntry, scanTree } from '#tree'
import { type ByteString, toByteString, toFsPath } from '#util'
import { makeFile, makeSymlink, sealFolder } from './canonical-node.ts'
import { NarEncoder } from './nar-encoder.ts'
import { type MeteredNar, NarMeter } from './nar-meter.ts'
import { readBody } from './read-body.ts'

/** Files between two looks at what else the process has to do. */
const FILES_A_TURN = 256
const BUFFER_BYTES = 1024 * 1024

/** What to copy, and what to look for on the way. */
export interface CopyOptions {
  /** Whether a file below the root is taken; what is below a folder that is not is left out too. */
  readonly includes?: (entry: ScannedEntry) => boolean
  readonly knownHashParts?: ReadonlySet<string>
  readonly signal?: AbortSignal
}

/**
 * Copies a tree on disk, with modes and times as in a store, and measures its
 * NAR: every file is read once. It is done synchronously, with breaks.
 *
 * The root itself stays open if it is a folder, so that it can be moved; seal
 * it in its place.
 *
 * @param target Where the root goes; nothing is there.
 * @throws {DockerToolsError} `FILE_UNREADABLE`, `FILE_CHANGED`,
 *   `FILE_TYPE_UNSUPPORTED`, `INTERRUPTED`. Errors of writing are the system's own.
 */
export async function copyTree(source: ByteString, target: string, options: CopyOptions = {}): Promise<MeteredNar> {
  const meter = new NarMeter(options.knownHashParts)
  const encoder = new NarEncoder()
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  const root = toByteString(target)
  const folders: ByteString[] = []
  let filesInTurn = 0
  const { includes, signal } = options
  for (const entry of scanTree(source, { order: 'bytes', ...(includes === undefined ? {} : { includes }) })) {
    meter.add(encoder.head(entry))
    const at = entry.path === '' ? root : (`${root}/${entry.path}` as ByteString)
    if (entry.type === 'directory') {
      mkdirSync(toFsPath(at), 0o755)
      if (entry.path !== '') folders.push(at)
    } else if (entry.type === 'symlink') makeSymlink(at, entry.target)
    else {
      const from = entry.path === '' ? source : (`${source}/${entry.path}` as ByteString)
      makeFile(at, entry.mode, (fd) => {
        readBody(from, entry.size, buffer, (part) => {
          meter.add(part)
          writeAll(fd, part)
        })
      })
      filesInTurn += entry.size / BUFFER_BYTES
    }
    meter.add(encoder.tail(entry))
    filesInTurn++
    if (filesInTurn < FILES_A_TURN) continue
    filesInTurn = 0
    checkNotStopped(signal)
    await setImmediate()
  }
  meter.add(encoder.end())
  // Last: nothing can be put into a folder of a store.
  for (const folder of folders) sealFolder(folder)
  return meter.finish()
}

/** @throws {DockerToolsError} `INTERRUPTED` once `signal` is set. */
export function checkNotStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new DockerToolsError('INTERRUPTED', 'Cannot copy: the work was stopped', { cause: signal.reason })
}

/** Writes all of `part`: the system may take less at a time. */
export function writeAll(fd: number, part: Uint8Array): void {
  for (let written = 0; written < part.length;) written += writeSync(fd, part, written)
}
