import { type ByteString, bytesToByteString } from '#util'
import type { BinaryFile } from './binary-file.ts'
import type { ElfDynamic, ElfFile } from './elf-file.ts'
import { ElfNumbers } from './elf-numbers.ts'

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46])
const HEADER_BYTES = 64

const ET_EXEC = 2
const ET_DYN = 3

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
/** Says that the number of program headers stands elsewhere; only core dumps have so many. */
const PN_XNUM = 0xffff
/** Ordinary files have about a dozen. */
const MAX_PROGRAM_HEADERS = 1024

const DT_NULL = 0
const DT_NEEDED = 1
const DT_STRTAB = 5
const DT_STRSZ = 10
const DT_SONAME = 14
const DT_RPATH = 15
const DT_RUNPATH = 29
const DT_FLAGS_1 = 0x6fff_fffb
/** Loaded like what is needed. Its weak sister DT_AUXILIARY is for what may be missing. */
const DT_FILTER = 0x7fff_ffff
const DF_1_NODEFLIB = 0x800

const MAX_DYNAMIC_BYTES = 1024 * 1024
const MAX_NEEDED = 4096
/** What the kernel takes as a path, and more than any list of folders has. */
const MAX_PATH_BYTES = 4096
const MAX_LIST_BYTES = 64 * 1024

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly fileSize: number
}

/** Whether a file begins as ELF files do. */
export function isElf(file: BinaryFile): boolean {
  return file.readUpTo(0, MAGIC.length).equals(MAGIC)
}

/**
 * Reads what the kernel and the loader read of an ELF file: its header, its
 * program headers and its dynamic section. Sections are not looked at, a file
 * runs without them.
 *
 * @throws {DockerToolsError} `TRUNCATED` if a part lies behind the file's end,
 *   `FORMAT_INVALID`, `LIMIT_EXCEEDED`.
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
 */
export function readElf(file: BinaryFile): ElfFile {
  const header = file.readUpTo(0, HEADER_BYTES)
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw file.error('FORMAT_INVALID', 'it does not begin as ELF files do', 'it should')
  }
  const numbers = ElfNumbers.of(file, header)
  const { is64 } = numbers
  const flags = numbers.u32(header, is64 ? 48 : 36)
  const target = {
    bits: is64 ? 64 : 32,
    isLittleEndian: numbers.isLittleEndian,
    machine: numbers.u16(header, 18),
    flags,
  } as const
  const elfType = numbers.u16(header, 16)
  const type = elfType === ET_EXEC ? 'executable' : elfType === ET_DYN ? 'shared' : 'other'
  if (type === 'other') return { target, type, interpreter: undefined, dynamic: undefined }
  const segments = readSegments(file, header, numbers)
  const interpreter = segments.find((segment) => segment.type === PT_INTERP)
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC && segment.fileSize > 0)
  return {
    target,
    type,
    interpreter: interpreter === undefined ? undefined : readInterpreter(file, interpreter),
    dynamic: dynamic === undefined ? undefined : readDynamic(file, dynamic, segments, numbers),
  }
}

function readSegments(file: BinaryFile, header: Buffer, numbers: ElfNumbers): readonly Segment[] {
  const { is64 } = numbers
  const offset = numbers.word(header, is64 ? 32 : 28, 'the place of its program headers')
  const entrySize = numbers.u16(header, is64 ? 54 : 42)
  const count = numbers.u16(header, is64 ? 56 : 44)
  const wantedSize = is64 ? 56 : 32
  if (count === 0) return []
  if (entrySize !== wantedSize) {
    throw file.error(
      'FORMAT_INVALID',
      `its program headers have ${entrySize} bytes each`,
      `they should have ${wantedSize}`,
    )
  }
  if (count > MAX_PROGRAM_HEADERS || count === PN_XNUM) {
    throw file.error('LIMIT_EXCEEDED', `it has ${count} program headers`, `${MAX_PROGRAM_HEADERS}`)
  }
  const table = file.read(offset, count * entrySize, 'its table of program headers')
  return Array.from({ length: count }, (_, index) => {
    const entry = table.subarray(index * entrySize)
    const type = numbers.u32(entry, 0)
    // Others may hold anything, and nobody looks at it.
    if (type !== PT_LOAD && type !== PT_DYNAMIC && type !== PT_INTERP)
      return { type, offset: 0, address: 0, fileSize: 0 }
    return {
      type,
      offset: numbers.word(entry, is64 ? 8 : 4, 'the offset of a segment'),
      address: numbers.word(entry, is64 ? 16 : 8, 'the address of a segment'),
      fileSize: numbers.word(entry, is64 ? 32 : 16, 'the size of a segment'),
    }
  })
}

function readInterpreter(file: BinaryFile, { offset, fileSize }: Segment): ByteString {
  if (fileSize < 2 || fileSize > MAX_PATH_BYTES) {
    throw file.error(
      'FORMAT_INVALID',
      `the path of its loader has ${fileSize} bytes`,
      `it should have 2 to ${MAX_PATH_BYTES}`,
    )
  }
  const bytes = file.read(offset, fileSize, 'the path of its loader')
  if (bytes.at(-1) !== 0)
    throw file.error('FORMAT_INVALID', 'the path of its loader has no end', 'it should end with a NUL')
  const path = bytesToByteString(bytes.subarray(0, bytes.indexOf(0)))
  if (path.startsWith('/')) return path
  throw file.error(
    'FORMAT_INVALID',
    `the path of its loader is ${JSON.stringify(path.slice(0, 200))}`,
    'it should be absolute',
  )
}

function readDynamic(
  file: BinaryFile,
  { offset, fileSize }: Segment,
  segments: readonly Segment[],
  numbers: ElfNumbers,
): ElfDynamic {
  if (fileSize > MAX_DYNAMIC_BYTES) {
    throw file.error('LIMIT_EXCEEDED', `its dynamic section has ${fileSize} bytes`, `${MAX_DYNAMIC_BYTES}`)
  }
  const bytes = file.read(offset, fileSize, 'its dynamic section')
  const width = numbers.is64 ? 8 : 4
  const needed: number[] = []
  const values = new Map<number, number>()
  for (let at = 0; at + 2 * width <= bytes.length; at += 2 * width) {
    // The upper half of a 64-bit tag is empty in all that are looked at.
    const tag = numbers.tag(bytes, at)
    if (tag === DT_NULL) break
    if (!WANTED_TAGS.has(tag)) continue
    const value = numbers.word(bytes, at + width, 'a value of its dynamic section')
    if (tag === DT_NEEDED || tag === DT_FILTER) needed.push(value)
    else values.set(tag, value)
  }
  if (needed.length > MAX_NEEDED) {
    throw file.error('LIMIT_EXCEEDED', `it needs ${needed.length} libraries`, `${MAX_NEEDED}`)
  }
  const texts = new StringTable(file, values, segments)
  const optional = (tag: number, limit: number): ByteString | undefined => {
    const at = values.get(tag)
    return at === undefined ? undefined : texts.read(at, limit)
  }
  return {
    needed: needed.map((at) => texts.read(at, MAX_PATH_BYTES)),
    soname: optional(DT_SONAME, MAX_PATH_BYTES),
    rpath: optional(DT_RPATH, MAX_LIST_BYTES),
    runpath: optional(DT_RUNPATH, MAX_LIST_BYTES),
    skipsSystemFolders: ((values.get(DT_FLAGS_1) ?? 0) & DF_1_NODEFLIB) !== 0,
  }
}

const WANTED_TAGS: ReadonlySet<number> = new Set([
  DT_NEEDED,
  DT_FILTER,
  DT_STRTAB,
  DT_STRSZ,
  DT_SONAME,
  DT_RPATH,
  DT_RUNPATH,
  DT_FLAGS_1,
])

/** The texts of a dynamic section. They are found by the address that they will have in memory. */
class StringTable {
  readonly #file: BinaryFile
  readonly #address: number | undefined
  readonly #size: number | undefined
  readonly #segments: readonly Segment[]

  constructor(file: BinaryFile, values: ReadonlyMap<number, number>, segments: readonly Segment[]) {
    this.#file = file
    this.#address = values.get(DT_STRTAB)
    this.#size = values.get(DT_STRSZ)
    this.#segments = segments
  }

  read(at: number, limit: number): ByteString {
    if (this.#address === undefined || this.#size === undefined) {
      throw this.#file.error('FORMAT_INVALID', 'its dynamic section has no table of texts', 'it should have one')
    }
    if (at >= this.#size) {
      throw this.#file.error('FORMAT_INVALID', `it names a text at ${at}`, `its table of texts has ${this.#size} bytes`)
    }
    const address = this.#address + at
    const segment = this.#segments.find(
      (each) => each.type === PT_LOAD && each.address <= address && address < each.address + each.fileSize,
    )
    if (segment === undefined) {
      throw this.#file.error(
        'FORMAT_INVALID',
        `a text has the address ${address}`,
        'it should lie in a segment of the file',
      )
    }
    const room = Math.min(this.#size - at, segment.address + segment.fileSize - address, limit + 1)
    const bytes = this.#file.readUpTo(segment.offset + (address - segment.address), room)
    const end = bytes.indexOf(0)
    if (end === -1) {
      throw this.#file.error(
        'FORMAT_INVALID',
        `a text in it has no end within ${bytes.length} bytes`,
        'it should end with a NUL',
      )
    }
    return bytesToByteString(bytes.subarray(0, end))
  }
}
