import { createHash, type Hash as Hasher } from 'node:crypto'
import { IntegrityError } from '#errors'
import type { TreeEntry } from '#tree'
import { finishHash, formatHash, type Hash } from './hash.ts'
import type { StorePath } from './store-path.ts'

/**
 * Passes on a tree that has to be one file with a certain hash.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH` at its end, or if it is no file.
 */
export async function* addressedFile(
  entries: AsyncIterable<TreeEntry>,
  hash: Hash,
  path: StorePath,
): AsyncGenerator<TreeEntry> {
  for await (const entry of entries) {
    if (entry.type !== 'file') throw mismatch(path, hash, `a ${entry.type}`)
    const hasher = createHash(hash.algorithm)
    const body = entry.open()[Symbol.asyncIterator]()
    let isOpened = false
    yield {
      ...entry,
      open() {
        // The second time it is for the entry itself to refuse.
        if (isOpened) return entry.open()
        isOpened = true
        return hashed(body, hasher)
      },
    }
    await drain(hashed(body, hasher))
    const actual = formatHash(finishHash(hash.algorithm, hasher), 'sri')
    if (actual !== formatHash(hash, 'sri')) throw mismatch(path, hash, actual)
  }
}

/** Does not close `body` where its own reader stops early: the rest has to be hashed too. */
async function* hashed(body: AsyncIterator<Uint8Array>, hasher: Hasher): AsyncGenerator<Uint8Array> {
  for (let result = await body.next(); result.done !== true; result = await body.next()) {
    hasher.update(result.value)
    yield result.value
  }
}

async function drain(chunks: AsyncGenerator<Uint8Array>): Promise<void> {
  while ((await chunks.next()).done !== true);
}

function mismatch(path: StorePath, hash: Hash, actual: string): IntegrityError {
  const expected = formatHash(hash, 'sri')
  return new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot read "${path}": its content is ${actual}, for its name it should be a file with the hash ${expected}`,
    { expected, actual },
  )
}
