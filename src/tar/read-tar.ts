import { DockerToolsError } from '#errors'
import { MemberReader } from './member-reader.ts'
import { StreamInput } from './stream-input.ts'
import { tarError } from './tar-error.ts'
import { paddingLength } from './tar-format.ts'
import { resolveReadOptions, type TarReadOptions } from './tar-limits.ts'
import type { IndexedTarMember, TarMember } from './tar-member.ts'

/**
 * Reads an archive from a stream, member by member. Understands v7, ustar,
 * pax, star and GNU archives; refuses sparse files.
 *
 * The source is read to its end, also behind the end marker, and closed when
 * the reader stops before that. Memory is that of one chunk and one header.
 *
 * @param options Limits, and what to do about odd ends.
 * @throws {DockerToolsError} `FORMAT_INVALID`, `FORMAT_UNSUPPORTED`, `TRUNCATED`
 *   or `LIMIT_EXCEEDED`; the message says at which byte.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, options?: TarReadOptions): AsyncGenerator<TarMember> {
  await using input = new StreamInput(source)
  const reader = new MemberReader(input, resolveReadOptions(options))
  for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
    const body = new Body(input, member)
    yield { ...member, body: () => body.read() }
    await body.skipRest()
  }
}

/** The body of the current member. */
class Body {
  readonly #input: StreamInput
  readonly #member: IndexedTarMember
  #state: 'unread' | 'reading' | 'left' = 'unread'
  #rest: number

  constructor(input: StreamInput, member: IndexedTarMember) {
    this.#input = input
    this.#member = member
    this.#rest = member.header.type === 'file' ? member.header.size : 0
  }

  async *read(): AsyncGenerator<Uint8Array> {
    this.#checkState('unread')
    this.#state = 'reading'
    while (this.#rest > 0) {
      const chunk = await this.#input.readSome(this.#rest)
      if (chunk.length === 0) throw this.#truncated()
      this.#rest -= chunk.length
      yield chunk
      this.#checkState('reading')
    }
  }

  async skipRest(): Promise<void> {
    this.#state = 'left'
    const { header } = this.#member
    const padding = header.type === 'file' ? paddingLength(header.size) : 0
    if (!(await this.#input.skip(this.#rest + padding))) throw this.#truncated()
  }

  #checkState(expected: 'unread' | 'reading'): void {
    if (this.#state === expected) return
    throw new DockerToolsError(
      'INTERNAL',
      'Cannot read the body of a tar member: it was read before, or the next member was asked for',
    )
  }

  #truncated(): DockerToolsError {
    return tarError('TRUNCATED', this.#input.offset, 'the archive ends within the body of a member')
  }
}
