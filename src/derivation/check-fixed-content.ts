import { createHash } from 'node:crypto'
import { createReadStream, lstatSync } from 'node:fs'
import { DockerToolsError, IntegrityError } from '#errors'
import { formatHash, type Hash, hashesEqual, writeNar } from '#store'
import { treeEntries } from '#tree'
import { toByteString } from '#util'
import type { FixedContent } from './derivation.ts'

const OWNER_EXECUTES = 0o100

/**
 * Compares what was made with what it has to be.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH`, with both hashes.
 * @throws {DockerToolsError} `OUTPUT_INVALID` for a folder or program where the hash is of one plain file.
 */
export async function checkFixedContent(name: string, physical: string, fixed: FixedContent): Promise<void> {
  const { hash: expected, ingestion } = fixed
  if (ingestion === 'flat') {
    const stats = lstatSync(physical)
    if (!stats.isFile() || (stats.mode & OWNER_EXECUTES) !== 0) {
      throw new DockerToolsError(
        'OUTPUT_INVALID',
        `Cannot build "${name}": its output is ${stats.isFile() ? 'executable' : 'no file'}, it should be a plain file, as its hash is of one`,
        { hint: 'Give the hash of the NAR, with outputHashMode = "recursive"' },
      )
    }
  }
  const chunks =
    ingestion === 'flat' ? createReadStream(physical) : writeNar(treeEntries(toByteString(physical), 'bytes'))
  const hasher = createHash(expected.algorithm)
  for await (const chunk of chunks) hasher.update(chunk as Uint8Array)
  const actual: Hash = { algorithm: expected.algorithm, bytes: hasher.digest() }
  if (hashesEqual(actual, expected)) return
  const [specified, got] = [formatHash(expected, 'sri'), formatHash(actual, 'sri')]
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot build "${name}": its content has the hash ${got}, it should have the specified ${specified}`,
    { expected: specified, actual: got },
  )
}
