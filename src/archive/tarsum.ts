import { createHash, type Hash } from 'node:crypto'
import { type IndexedTarMember, readTar, type TarHeader } from '#tar'
import { byteStringToBytes, type ByteString, compareByteStrings, toByteString } from '#util'

/** What of a member counts, besides its body. */
export interface TarSumMember {
  readonly header: TarHeader
  /** The name as stored: long names whole, the slash of a directory included. */
  readonly name: ByteString
  /** The mode as stored. */
  readonly mode: number
  /** One character; `0` for a file. */
  readonly typeflag: string
  /** Extended attributes by name. */
  readonly attributes: ReadonlyMap<string, ByteString>
}

const ATTRIBUTE_PREFIX = 'SCHILY.xattr.'

interface Sum {
  readonly hex: string
  readonly cleanName: string
  readonly position: number
}

/**
 * Docker's TarSum v1, taken member by member: a checksum of an archive that
 * neither the order of members nor their times move.
 *
 * @see https://github.com/moby/moby/blob/v20.10.0/pkg/tarsum/tarsum_spec.md
 */
export class TarSum {
  readonly #sums: Sum[] = []
  #current: { readonly hash: Hash; readonly name: ByteString } | undefined

  /** Begins a member; the one before is done then. */
  begin(member: TarSumMember): void {
    this.#finishMember()
    const hash = createHash('sha256')
    hash.update(byteStringToBytes(headerText(member)))
    this.#current = { hash, name: member.name }
  }

  /** A part of the body of the current member. */
  update(chunk: Uint8Array): void {
    this.#current?.hash.update(chunk)
  }

  /** The checksum of all members, `tarsum.v1+sha256:` and 64 digits. */
  finish(): string {
    this.#finishMember()
    const hash = createHash('sha256')
    for (const sum of this.#sums.toSorted(compareSums)) hash.update(sum.hex)
    return `tarsum.v1+sha256:${hash.digest('hex')}`
  }

  #finishMember(): void {
    if (this.#current === undefined) return
    const { hash, name } = this.#current
    this.#sums.push({ hex: hash.digest('hex'), cleanName: cleanName(name), position: this.#sums.length })
    this.#current = undefined
  }
}

/**
 * The TarSum of an archive, as upstream's program `tarsum` prints it.
 *
 * @param source The bytes of a tar, in pieces of any size.
 * @returns `tarsum.v1+sha256:` and the checksum.
 * @throws {DockerToolsError} as `readTar`.
 * @see Docker `pkg/tarsum`, version 1
 *
 * @example Of a layer
 * ```ts
 * import { Readable } from 'node:stream'
 * import { mkPureLayer, tarsum } from 'dockertools'
 *
 * const chunks: Uint8Array[] = []
 * const layer = mkPureLayer({ name: 'layer', copyToRoot: './examples/hello/root' })
 * const { checksum } = await layer.writeTo({ write: (chunk) => void chunks.push(chunk.slice()) })
 * console.log((await tarsum(Readable.from(chunks))) === checksum)
 * ```
 */
export async function tarSumOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const sum = new TarSum()
  for await (const member of readTar(source, { endMarker: 'optional' })) {
    sum.begin(sumMember(member))
    for await (const chunk of member.body()) sum.update(chunk)
  }
  return sum.finish()
}

function sumMember({ header, typeflag, storedMode, paxRecords }: IndexedTarMember): TarSumMember {
  const attributes = [...paxRecords].flatMap(([key, value]) =>
    key.startsWith(ATTRIBUTE_PREFIX) ? [[key.slice(ATTRIBUTE_PREFIX.length), value] as const] : [],
  )
  const isOldFile = typeflag === '\0'
  const normalised = isOldFile ? (header.path.endsWith('/') ? '5' : '0') : typeflag
  return { header, name: header.path, mode: storedMode, typeflag: normalised, attributes: new Map(attributes) }
}

/** Names and values one after the other; owner names are keys without a value, as they are no part of an image. */
function headerText({ header, name, mode, typeflag, attributes }: TarSumMember): ByteString {
  const { uid, gid } = header
  const target = header.type === 'symlink' || header.type === 'hardlink' ? header.target : ''
  const size = header.type === 'file' ? header.size : 0
  const isDevice = header.type === 'char' || header.type === 'block'
  const device = isDevice ? header : { major: 0, minor: 0 }
  const sorted = [...attributes].map(([key, value]) => [toByteString(key), value] as const)
  sorted.sort(([a], [b]) => compareByteStrings(a, b))
  const fields = [
    ['name', name],
    ['mode', mode],
    ['uid', uid],
    ['gid', gid],
    ['size', size],
    ['typeflag', typeflag],
    ['linkname', target],
    ['uname', ''],
    ['gname', ''],
    ['devmajor', device.major],
    ['devminor', device.minor],
    ...sorted,
  ]
  return fields.flat().join('') as ByteString
}

/** By digest; of members with one name the first stays first. */
function compareSums(a: Sum, b: Sum): number {
  if (a.cleanName === b.cleanName) return a.position - b.position
  return a.hex < b.hex ? -1 : a.hex > b.hex ? 1 : 0
}

function cleanName(name: ByteString): string {
  const parts: string[] = []
  for (const part of name.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}
