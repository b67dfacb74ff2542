/** What several tests of this folder need. It has the name of a test so that it is not built. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fc from 'fast-check'
import { type ByteString, toByteString } from '#util'
import type { MemberKind, TarHeader } from './tar-header.ts'

/** `bytes` in chunks of `size`. */
export async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

/** Everything that comes out, in one piece. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
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

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[a-zA-Z0-9._/-]{1,12}$/) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('é', 'ž', '日本', '😀', '\u{10ffff}', '\ud7ff', '\ue000')
      .map((name) => toByteString(name)),
  },
  // Alone and in a row: what is no UTF-8, over-long, a surrogate, cut short, or beyond Unicode.
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\xff',
      '\x80',
      '\xc0\xaf',
      '\xed\xa0\x80',
      '\xe2\x82',
      '\xf0\x90\x28',
      '\xf4\x90\x80\x80',
    ),
  },
)

/** Bytes without NUL, mostly short, around `width` often enough. */
export function text(width: number, minLength: number): fc.Arbitrary<ByteString> {
  return fc
    .tuple(
      fc.array(piece, { minLength, maxLength: 4 }),
      fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: width - 3, max: width + 3 })),
    )
    .map(([pieces, length]) => pieces.join('').padEnd(length, 'x') as ByteString)
}

const id = fc.oneof(fc.constantFrom(0, 1000, 0o7777777, 0o10000000, 2 ** 32), fc.nat({ max: 2 ** 31 - 1 }))

/** Times in whole seconds that both dialects can say. */
export const wholeSeconds: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, -1, 315532800, 8 ** 11 - 1, 8 ** 11, -(2 ** 33)),
  fc.integer(),
)

const kind: fc.Arbitrary<MemberKind> = fc.oneof(
  fc.record({
    type: fc.constant('file' as const),
    size: fc.oneof(fc.constantFrom(0, 8 ** 11 - 1, 8 ** 11, 2 ** 40), fc.nat()),
  }),
  fc.record({ type: fc.constantFrom('directory' as const, 'fifo' as const) }),
  fc.record({ type: fc.constantFrom('symlink' as const, 'hardlink' as const), target: text(100, 1) }),
  fc.record({
    type: fc.constantFrom('char' as const, 'block' as const),
    major: fc.nat({ max: 4095 }),
    minor: fc.nat({ max: 2 ** 20 - 1 }),
  }),
)

/** Headers of every kind, with values at the edges of their fields. */
export function headers(mtimeSeconds: fc.Arbitrary<number>): fc.Arbitrary<TarHeader> {
  return fc
    .tuple(
      fc.record({
        path: text(100, 1),
        mode: fc.nat({ max: 0o7777 }),
        uid: id,
        gid: id,
        uname: text(32, 0),
        gname: text(32, 0),
        mtimeSeconds,
      }),
      kind,
    )
    .map(([meta, more]): TarHeader => ({ ...meta, ...more }))
}
