/** What several tests of this folder need. It has the name of a test so that it is not built. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { toByteString } from '#util'
import type { TarHeader } from './tar-header.ts'

/** `bytes` in chunks of `size`. */
export async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

/** `bytes` in chunks of `size`, all in one buffer, as files are read: a chunk is good until the next one is asked for. */
export async function* refilled(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(size)
  for await (const chunk of chunked(bytes, size)) {
    buffer.set(chunk)
    yield buffer.subarray(0, chunk.length)
    buffer.fill('?')
  }
}

/** Everything that comes out, in one piece. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

/** Fails at the first byte that differs, with what is around it. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return
  let offset = 0
  while (offset < actual.length && actual[offset] === expected[offset]) offset++
  const around = (bytes: Uint8Array): string =>
    JSON.stringify(Buffer.from(bytes).toString('latin1', Math.max(0, offset - 20), offset + 20))
  assert.fail(`${what}: at byte ${offset} there is ${around(actual)}, there should be ${around(expected)}`)
}

/** A reason to skip if the program cannot be started, else false. */
export function missing(program: string): string | false {
  return spawnSync(program, ['--version']).status === 0 ? false : `the program ${program} is not there`
}

/** `text` in one block, and as many as it needs; NULs fill it up. */
export function blocks(content: string): Buffer {
  return Buffer.concat([Buffer.from(content, 'latin1'), Buffer.alloc(-content.length & 511)])
}

/**
 * A header block with `changes` (by offset in the block) made to it. The
 * checksum is right again afterwards.
 */
export function patched(block: Uint8Array, changes: Readonly<Record<number, string>>): Buffer {
  const result = Buffer.from(block)
  for (const [offset, change] of Object.entries(changes)) result.write(change, Number(offset), 'latin1')
  result.fill(' ', 148, 156)
  const sum = result.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  result.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return result
}

/** A header of a file; `more` says what is special about it. */
export function fileHeader(more: Partial<TarHeader & { readonly size: number }> = {}): TarHeader & { type: 'file' } {
  return {
    type: 'file',
    path: toByteString('file'),
    size: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: toByteString(''),
    gname: toByteString(''),
    mtimeSeconds: 1,
    ...more,
  } as TarHeader & { type: 'file' }
}
