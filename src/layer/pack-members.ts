import { closeSync, fstatSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { DockerToolsError } from '#errors'
import { encodeHeader, encodeHeaderInto, paddingLength, type TarHeader } from '#tar'
import type { FileBody } from '#tree'
import { fileChanged, openListedFile } from './write-file-body.ts'

/** A member of a layer; a file has a body. */
export interface PackedMember {
  readonly header: TarHeader
  readonly body?: FileBody
}

/** Is told what is packed, in order. */
export interface PackObserver {
  begin(header: TarHeader): void
  body(chunk: Uint8Array): void
}

/** Small enough that what was read is still in the processor's cache when it is hashed. */
const BUFFER_BYTES = 256 * 1024
/** How often others get their turn: reading and hashing do not wait for anything. */
const BUFFERS_PER_TURN = 32

/**
 * Packs members as GNU tar does, headers, bodies and padding, without an end
 * marker. Files on disk are read synchronously, straight into the buffer.
 *
 * @param purpose To `write` is the second time: a file must then still be the one that was listed. What changes
 *   before or while it is measured shows itself there too.
 * @param dialect `gnu-numeric` leaves out the names of owners.
 * @returns Chunks that are valid until the next one is asked for.
 * @throws {DockerToolsError} `FILE_CHANGED` for a file that is not any more what was listed, `FILE_UNREADABLE`.
 */
export async function* packMembers(
  members: Iterable<PackedMember>,
  purpose: 'measure' | 'write',
  observer?: PackObserver,
  dialect: 'gnu' | 'gnu-numeric' = 'gnu',
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  let offset = 0
  let turn = 0
  for (const { header, body } of members) {
    observer?.begin(header)
    let end = encodeHeaderInto(header, dialect, buffer, offset)
    if (end < 0) {
      yield buffer.subarray(0, offset)
      offset = 0
      end = encodeHeaderInto(header, dialect, buffer, 0)
    }
    if (end < 0) yield encodeHeader(header, dialect)
    else offset = end
    if (header.type !== 'file' || body === undefined) continue
    using source = openBody(body, header.size, purpose)
    for (let left = header.size; left > 0;) {
      if (offset === buffer.length) {
        yield buffer
        offset = 0
        if (++turn % BUFFERS_PER_TURN === 0) await setImmediate()
      }
      const asked = Math.min(left, buffer.length - offset)
      const got = source.read(buffer, offset, asked, header.size - left)
      observer?.body(buffer.subarray(offset, offset + got))
      offset += got
      left -= got
    }
    const padding = paddingLength(header.size)
    if (offset + padding > buffer.length) {
      yield buffer.subarray(0, offset)
      offset = 0
    }
    buffer.fill(0, offset, offset + padding)
    offset += padding
  }
  if (offset > 0) yield buffer.subarray(0, offset)
}

interface OpenBody extends Disposable {
  /** Reads at least one byte. */
  read(target: Buffer, offset: number, length: number, position: number): number
}

function openBody(body: FileBody, size: number, purpose: 'measure' | 'write'): OpenBody {
  if (body.kind === 'spool') {
    return {
      read: (target, offset, length, position) => {
        const got = body.spool.readNow(target.subarray(offset, offset + length), body.offset + position)
        if (got === 0) throw new DockerToolsError('TRUNCATED', 'Cannot read a file of a layer: its content ends early')
        return got
      },
      [Symbol.dispose]: () => undefined,
    }
  }
  const { path, ctimeMs } = body
  const fd = openListedFile(path)
  if (purpose === 'write') {
    const stats = fstatSync(fd)
    if (stats.size !== size || stats.ctimeMs !== ctimeMs) {
      closeSync(fd)
      throw fileChanged(path, 'it was changed')
    }
  }
  return {
    read: (target, offset, length) => {
      const got = readSync(fd, target, offset, length, null)
      if (got === 0) throw fileChanged(path, 'it ended early')
      return got
    },
    [Symbol.dispose]: () => closeSync(fd),
  }
}
