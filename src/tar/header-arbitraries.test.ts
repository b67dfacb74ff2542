/** Headers for property tests. It has the name of a test so that it is not built. */
import * as fc from 'fast-check'
import { type ByteString, toByteString } from '#util'
import type { MemberKind, TarHeader } from './tar-header.ts'

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
