import type { ByteString } from '#util'
import { bytesToByteString } from '#util'
import { applyExtensions } from './apply-extensions.ts'
import { decodeBlock, isZeroBlock, type DecodedBlock } from './decode-block.ts'
import { parsePaxRecords } from './pax-records.ts'
import { checkLimit, tarError } from './tar-error.ts'
import { paddingLength, TAR_BLOCK_BYTES } from './tar-format.ts'
import type { TarInput } from './tar-input.ts'
import type { ResolvedReadOptions } from './tar-limits.ts'
import type { IndexedTarMember } from './tar-member.ts'

const NO_RECORDS: ReadonlyMap<string, ByteString> = new Map()

/** Extended headers that wait for their member. */
interface Pending {
  headerOffset: number
  count: number
  records: ReadonlyMap<string, ByteString> | undefined
  longName: ByteString | undefined
  longLink: ByteString | undefined
}

/** Reads headers one after the other; who passes over the bodies in between is the caller. */
export class MemberReader {
  readonly #input: TarInput
  readonly #options: ResolvedReadOptions
  #globals: ReadonlyMap<string, ByteString> = NO_RECORDS
  #members = 0

  constructor(input: TarInput, options: ResolvedReadOptions) {
    this.#input = input
    this.#options = options
  }

  /** The next member, or undefined at the end, after everything behind it has been read over. */
  async next(): Promise<IndexedTarMember | undefined> {
    const pending: Pending = {
      headerOffset: this.#input.offset,
      count: 0,
      records: undefined,
      longName: undefined,
      longLink: undefined,
    }
    for (;;) {
      const offset = this.#input.offset
      const bytes = await this.#input.read(TAR_BLOCK_BYTES)
      if (bytes.length < TAR_BLOCK_BYTES || isZeroBlock(bytes)) {
        await this.#end(bytes, offset, pending)
        return undefined
      }
      const block = decodeBlock(bytes, offset)
      if (!'xXgLK'.includes(block.typeflag)) return this.#member(block, offset, pending)
      await this.#extend(block, offset, pending)
    }
  }

  #member(block: DecodedBlock, offset: number, pending: Pending): IndexedTarMember {
    const { records: own, longName, longLink } = pending
    const records = own === undefined ? this.#globals : new Map([...this.#globals, ...own])
    const header = applyExtensions(block, { records, longName, longLink }, offset)
    this.#members++
    checkLimit(this.#options, 'maxMembers', this.#members, offset, (count) => `there are ${count} members or more`)
    const size = header.type === 'file' ? header.size : 0
    checkLimit(this.#options, 'maxMemberBytes', size, offset, (bytes) => `a member has ${bytes} bytes`)
    checkLimit(this.#options, 'maxNameBytes', header.path.length, offset, (bytes) => `a name has ${bytes} bytes`)
    const target = header.type === 'symlink' || header.type === 'hardlink' ? header.target.length : 0
    checkLimit(this.#options, 'maxNameBytes', target, offset, (bytes) => `a link target has ${bytes} bytes`)
    return {
      header,
      typeflag: block.typeflag,
      storedMode: block.mode,
      format: records.size > 0 && block.format !== 'gnu' ? 'pax' : block.format,
      paxRecords: records,
      headerOffset: pending.headerOffset,
      bodyOffset: this.#input.offset,
    }
  }

  /** Takes in one extended header. Its size is that of its own block: nothing that came before applies to it. */
  async #extend(block: DecodedBlock, offset: number, pending: Pending): Promise<void> {
    pending.count++
    checkLimit(
      this.#options,
      'maxExtendedHeaders',
      pending.count,
      offset,
      (count) => `there are ${count} extended headers in a row`,
    )
    const isName = block.typeflag === 'L' || block.typeflag === 'K'
    checkLimit(
      this.#options,
      isName ? 'maxNameBytes' : 'maxPaxBytes',
      // The NUL at the end of a name is not part of it.
      isName ? block.size - 1 : block.size,
      offset,
      () => `an extended header has ${block.size} bytes`,
    )
    const payload = await this.#readPayload(block.size, offset)
    switch (block.typeflag) {
      case 'g':
        // It belongs to all that follow, so the member's own headers begin behind it.
        if (pending.headerOffset === offset) pending.headerOffset = this.#input.offset
        this.#globals = this.#mergeGlobals(parsePaxRecords(payload, offset + TAR_BLOCK_BYTES), offset)
        break
      case 'L':
        pending.longName = once(pending.longName, longText(payload, offset), offset)
        break
      case 'K':
        pending.longLink = once(pending.longLink, longText(payload, offset), offset)
        break
      default:
        pending.records = once(pending.records, parsePaxRecords(payload, offset + TAR_BLOCK_BYTES), offset)
    }
  }

  async #readPayload(size: number, offset: number): Promise<Uint8Array> {
    const length = size + paddingLength(size)
    const padded = await this.#input.read(length)
    if (padded.length < length) throw tarError('TRUNCATED', offset, 'the archive ends within an extended header')
    return padded.subarray(0, size)
  }

  #mergeGlobals(records: ReadonlyMap<string, ByteString>, offset: number): ReadonlyMap<string, ByteString> {
    const merged = new Map([...this.#globals, ...records])
    let bytes = 0
    for (const [key, value] of merged) bytes += key.length + value.length
    checkLimit(
      this.#options,
      'maxGlobalPaxBytes',
      bytes,
      offset,
      (all) => `the global extended records have ${all} bytes`,
    )
    return merged
  }

  /** Checks the end marker, and reads what is behind it, since it counts for a digest. */
  async #end(first: Uint8Array, offset: number, pending: Pending): Promise<void> {
    if (first.length > 0 && first.length < TAR_BLOCK_BYTES) {
      throw tarError('TRUNCATED', offset, 'the archive ends within a header')
    }
    if (pending.records !== undefined || pending.longName !== undefined || pending.longLink !== undefined) {
      const code = first.length === 0 ? 'TRUNCATED' : 'FORMAT_INVALID'
      throw tarError(code, offset, 'the archive ends, a member should follow the extended header')
    }
    if (first.length === 0) {
      if (this.#options.endMarker === 'optional') return
      throw tarError('TRUNCATED', offset, 'the archive ends, two blocks of zeros should mark its end')
    }
    const second = await this.#input.read(TAR_BLOCK_BYTES)
    if (!isZeroBlock(second)) {
      throw tarError('FORMAT_INVALID', offset, 'there is a single block of zeros, there should be two')
    }
    for (;;) {
      const rest = await this.#input.readSome(TAR_BLOCK_BYTES * 128)
      if (rest.length === 0) return
      if (this.#options.trailing === 'refuse' && !isZeroBlock(rest)) {
        throw tarError('FORMAT_INVALID', offset, 'the archive is marked to end, only zeros should follow')
      }
      const trailing = this.#input.offset - offset
      checkLimit(
        this.#options,
        'maxTrailingBytes',
        trailing,
        offset,
        (count) => `${count} bytes or more follow the end marker`,
      )
    }
  }
}

/** Two extended headers of one kind for one member: readers differ in which one they obey. */
function once<T>(before: T | undefined, value: T, offset: number): T {
  if (before === undefined) return value
  throw tarError('FORMAT_INVALID', offset, 'there is a second extended header of one kind for a member')
}

function longText(payload: Uint8Array, offset: number): ByteString {
  const nul = payload.indexOf(0)
  const end = nul === -1 ? payload.length : nul
  if (end === 0 || !isZeroBlock(payload.subarray(end))) {
    throw tarError('FORMAT_INVALID', offset, 'a long name is empty or has a NUL in it')
  }
  return bytesToByteString(payload.subarray(0, end))
}
