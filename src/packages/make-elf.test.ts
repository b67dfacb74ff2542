/** ELF files made by hand, as small as loaders take them. Written from the specification, shares nothing with the reader. */
export interface MadeElf {
  readonly bits?: 32 | 64
  readonly isBigEndian?: boolean
  /** The processor: 62 is x86-64. */
  readonly machine?: number
  readonly flags?: number
  /** 2: at a fixed address, 3: shared object or position-independent program. */
  readonly type?: number
  readonly interpreter?: string
  readonly needed?: readonly string[]
  readonly soname?: string
  readonly rpath?: string
  readonly runpath?: string
  readonly flags1?: number
  /** Leave the dynamic section out. */
  readonly isStatic?: boolean
  /** Run when it is started, at the file's end. Default for x86-64: exits with status 42. */
  readonly code?: Uint8Array
}

/** x86-64 Linux: `exit(42)`. */
const EXIT_42 = Uint8Array.from([0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05])
/** An address far from 0, so that addresses and offsets are not the same thing. */
const BASE = 0x20_0000
const ALIGNMENT = 0x1000

interface Field {
  readonly at: number
  readonly size: 2 | 4 | 8
  readonly value: number
}

/** The bytes of an ELF file. One segment holds all of it. */
export function makeElf(options: MadeElf = {}): Buffer {
  const { bits = 64, isBigEndian = false, needed = [], code = EXIT_42 } = options
  const wide = bits === 64
  const word = wide ? 8 : 4
  const headerSize = wide ? 64 : 52
  const segmentSize = wide ? 56 : 32
  const hasDynamic = options.isStatic !== true
  const segmentCount = 1 + (hasDynamic ? 1 : 0) + (options.interpreter === undefined ? 0 : 2)

  const texts = [
    '',
    ...needed,
    ...[options.soname, options.rpath, options.runpath].filter((text) => text !== undefined),
  ]
  const table = Buffer.from(texts.map((text) => `${text}\0`).join(''), 'latin1')
  const textAt = (text: string): number => table.indexOf(`\0${text}\0`, 0, 'latin1') + 1

  const interpreterAt = headerSize + segmentCount * segmentSize
  const interpreter = Buffer.from(options.interpreter === undefined ? '' : `${options.interpreter}\0`, 'latin1')
  const tableAt = align(interpreterAt + interpreter.length)
  const symbolsAt = align(tableAt + table.length)
  const hashAt = symbolsAt + 24
  const dynamicAt = align(hashAt + 16)
  const tags: (readonly [number, number])[] = [
    ...needed.map((name) => [1, textAt(name)] as const),
    ...(options.soname === undefined ? [] : [[14, textAt(options.soname)] as const]),
    ...(options.rpath === undefined ? [] : [[15, textAt(options.rpath)] as const]),
    ...(options.runpath === undefined ? [] : [[29, textAt(options.runpath)] as const]),
    ...(options.flags1 === undefined ? [] : [[0x6fff_fffb, options.flags1] as const]),
    [4, BASE + hashAt],
    [5, BASE + tableAt],
    [6, BASE + symbolsAt],
    [10, table.length],
    [11, wide ? 24 : 16],
    [0, 0],
  ]
  const codeAt = align(dynamicAt + tags.length * 2 * word)
  const bytes = Buffer.alloc(codeAt + code.length)
  const put = ({ at, size, value }: Field): void => {
    const big = Buffer.alloc(size)
    if (size === 8) big.writeBigUInt64BE(BigInt(value))
    else big.writeUIntBE(value, 0, size)
    bytes.set(isBigEndian ? big : big.toReversed(), at)
  }
  const putWords = (at: number, values: readonly number[]): void => {
    for (const [index, value] of values.entries()) put({ at: at + index * word, size: word, value })
  }

  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, isBigEndian ? 2 : 1, 1])
  put({ at: 16, size: 2, value: options.type ?? 3 })
  put({ at: 18, size: 2, value: options.machine ?? 62 })
  put({ at: 20, size: 4, value: 1 })
  putWords(24, [BASE + codeAt, headerSize, 0])
  const tail = 24 + 3 * word
  put({ at: tail, size: 4, value: options.flags ?? 0 })
  for (const [index, value] of [headerSize, segmentSize, segmentCount].entries()) {
    put({ at: tail + 4 + index * 2, size: 2, value })
  }

  const segment = (index: number, type: number, flags: number, at: number, size: number, alignment: number): void => {
    const start = headerSize + index * segmentSize
    put({ at: start, size: 4, value: type })
    put({ at: wide ? start + 4 : start + 24, size: 4, value: flags })
    putWords(start + (wide ? 8 : 4), [at, BASE + at, BASE + at, size, size])
    put({ at: wide ? start + 48 : start + 28, size: word, value: alignment })
  }
  let next = 0
  // Both come before what is loaded, as the specification has it. By the first, a loader knows where the program is.
  if (options.interpreter !== undefined) {
    segment(next++, 6, 4, headerSize, segmentCount * segmentSize, word)
    segment(next++, 3, 4, interpreterAt, interpreter.length, 1)
  }
  segment(next++, 1, 7, 0, bytes.length, ALIGNMENT)
  if (hasDynamic) segment(next++, 2, 6, dynamicAt, tags.length * 2 * word, word)

  interpreter.copy(bytes, interpreterAt)
  table.copy(bytes, tableAt)
  // One bucket and the empty symbol.
  for (const [index, value] of [1, 1, 0, 0].entries()) put({ at: hashAt + index * 4, size: 4, value })
  for (const [index, [tag, value]] of tags.entries()) putWords(dynamicAt + index * 2 * word, [tag, value])
  Buffer.from(code).copy(bytes, codeAt)
  return bytes
}

function align(at: number): number {
  return Math.ceil(at / 16) * 16
}
