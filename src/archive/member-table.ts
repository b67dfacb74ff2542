import { DockerToolsError } from '#errors'
import { type IndexedTarMember, readTarIndex, type TarLimits } from '#tar'
import { type ByteString, byteStringToText, toByteString } from '#util'
import type { RandomAccess } from './random-access.ts'

const MAX_LINK_HOPS = 40

/** The members of an image archive by name, and the way to what links stand for. */
export class MemberTable {
  readonly #members: ReadonlyMap<ByteString, IndexedTarMember>
  readonly #access: RandomAccess
  readonly #what: string

  private constructor(members: ReadonlyMap<ByteString, IndexedTarMember>, access: RandomAccess, what: string) {
    this.#members = members
    this.#access = access
    this.#what = what
  }

  /** Lists an archive. Of members with one name the last counts, as it would when unpacked. */
  static async read(access: RandomAccess, what: string, limits: Partial<TarLimits> = {}): Promise<MemberTable> {
    const members = new Map<ByteString, IndexedTarMember>()
    try {
      for await (const member of readTarIndex(access, { ...limits, endMarker: 'optional' })) {
        members.set(normalise(member.header.path), member)
      }
    } catch (error) {
      throw named(error, what)
    }
    return new MemberTable(members, access, what)
  }

  /** All members, by the names they would have when unpacked. */
  list(): Iterable<IndexedTarMember> {
    return this.#members.values()
  }

  has(name: string): boolean {
    return this.#members.has(normalise(toByteString(name)))
  }

  /** The regular file of this name, links followed. */
  file(name: string): IndexedTarMember & { readonly header: { readonly type: 'file' } } {
    let current = normalise(toByteString(name))
    for (let hops = 0; hops <= MAX_LINK_HOPS; hops++) {
      const member = this.#members.get(current)
      if (member === undefined)
        throw this.#error(name, current === normalise(toByteString(name)) ? 'it has none' : 'it is a link to nothing')
      const { header } = member
      if (header.type === 'file') return { ...member, header }
      if (header.type !== 'symlink' && header.type !== 'hardlink') throw this.#error(name, `it is a ${header.type}`)
      const folder = header.type === 'symlink' ? current.slice(0, current.lastIndexOf('/') + 1) : ''
      current = this.#resolve(name, folder, header.target)
    }
    throw this.#error(name, 'its links go round in a circle')
  }

  /** The whole content of a small file. */
  async text(name: string, maxBytes: number, limitName: string): Promise<string> {
    const { header, bodyOffset } = this.file(name)
    if (header.size > maxBytes) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot read ${this.#what}: "${name}" has ${header.size} bytes, ${limitName} is ${maxBytes}`,
      )
    }
    return Buffer.from(await this.#access.read(bodyOffset, header.size)).toString('utf8')
  }

  stream(member: IndexedTarMember & { readonly header: { readonly type: 'file' } }): AsyncGenerator<Uint8Array> {
    return this.#access.stream(member.bodyOffset, member.header.size)
  }

  /** Reads from anywhere in the content of a file; fewer bytes at its end. */
  readAt(
    member: IndexedTarMember & { readonly header: { readonly type: 'file' } },
    offset: number,
    length: number,
  ): Promise<Uint8Array> {
    const left = Math.max(0, Math.min(length, member.header.size - offset))
    return this.#access.read(member.bodyOffset + offset, left)
  }

  /** Fills `target` at once; gives how many bytes there were. */
  readNow(
    member: IndexedTarMember & { readonly header: { readonly type: 'file' } },
    target: Uint8Array,
    offset: number,
  ): number {
    const left = Math.max(0, Math.min(target.length, member.header.size - offset))
    return this.#access.readNow(target.subarray(0, left), member.bodyOffset + offset)
  }

  #resolve(name: string, folder: string, target: ByteString): ByteString {
    if (target.startsWith('/')) throw this.#error(name, `it is a link to the absolute "${byteStringToText(target)}"`)
    const parts: string[] = []
    for (const part of `${folder}${target}`.split('/')) {
      if (part === '' || part === '.') continue
      if (part !== '..') parts.push(part)
      else if (parts.pop() === undefined) throw this.#error(name, 'it is a link that leads out of the archive')
    }
    return parts.join('/') as ByteString
  }

  #error(name: string, reason: string): DockerToolsError {
    return new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read ${this.#what}: there should be a file "${name}", but ${reason}`,
    )
  }
}

/** The readers of tars and compressed streams do not know whose bytes they read: says it in their errors. */
export function named(error: unknown, what: string): unknown {
  if (!(error instanceof DockerToolsError)) return error
  const message = error.message
    .replace(/^Cannot read the tar archive/, `Cannot read ${what}`)
    .replace(/^Cannot decompress (?:\w+ )?stream/, `Cannot decompress ${what}`)
  if (message === error.message) return error
  return new DockerToolsError(error.code, message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

/** Archives made by `tar -C folder .` have `./` before every name. */
function normalise(path: ByteString): ByteString {
  return path.replace(/^(\.\/+)+/, '').replace(/\/+$/, '') as ByteString
}
