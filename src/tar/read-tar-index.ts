import { MemberReader } from './member-reader.ts'
import { SeekableInput, type SeekableSource } from './seekable-input.ts'
import { tarError } from './tar-error.ts'
import { paddingLength } from './tar-format.ts'
import { resolveReadOptions, type TarReadOptions } from './tar-limits.ts'
import type { IndexedTarMember } from './tar-member.ts'

/**
 * Lists the members of an archive that can be read from anywhere, such as a
 * file, without reading their bodies. Otherwise as `readTar`.
 *
 * @throws {DockerToolsError} as `readTar`.
 */
export async function* readTarIndex(
  source: SeekableSource,
  options?: TarReadOptions,
): AsyncGenerator<IndexedTarMember> {
  const input = new SeekableInput(source)
  const reader = new MemberReader(input, resolveReadOptions(options))
  for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
    yield member
    const size = member.header.type === 'file' ? member.header.size : 0
    if (!(await input.skip(size + paddingLength(size)))) {
      throw tarError('TRUNCATED', input.offset, 'the archive ends within the body of a member')
    }
  }
}
