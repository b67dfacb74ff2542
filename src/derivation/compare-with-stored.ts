import { DockerToolsError } from '#errors'
import { hashesEqual, measureNarOnDisk, type Store, type StorePath } from '#store'
import { treeEntries, type TreeEntry } from '#tree'
import { byteStringToText, toByteString } from '#util'

const OWNER_EXECUTES = 0o100

/**
 * Compares what was made again with what is in a store.
 *
 * @throws {DockerToolsError} `NOT_REPRODUCIBLE`, naming the first difference.
 */
export async function compareWithStored(store: Store, path: StorePath, physical: string): Promise<void> {
  const { narHash } = await measureNarOnDisk(toByteString(physical))
  if (hashesEqual(narHash, (await store.pathInfo(path)).narHash)) return
  const difference = await firstDifference(store.entries(path), treeEntries(toByteString(physical), 'bytes'))
  throw new DockerToolsError(
    'NOT_REPRODUCIBLE',
    `Cannot confirm "${path}": made again it is another, the first difference is ${difference ?? 'not there any more'}`,
    { hint: 'Something in its builder depends on time, chance or the machine' },
  )
}

/** In words; undefined where there is none. Both come in the order of a NAR. */
async function firstDifference(
  before: AsyncIterable<TreeEntry>,
  after: AsyncIterable<TreeEntry>,
): Promise<string | undefined> {
  const rest = after[Symbol.asyncIterator]()
  try {
    for await (const old of before) {
      const next = await rest.next()
      const name = old.path === '' ? 'its root' : `"${byteStringToText(old.path)}"`
      if (next.done === true) return `${name}, which is missing now`
      if (next.value.path !== old.path) {
        return `between ${name} before and "${byteStringToText(next.value.path)}" now, in order of their names`
      }
      const how = await entryDifference(old, next.value)
      if (how !== undefined) return `${name}: ${how}`
    }
    const more = await rest.next()
    return more.done === true ? undefined : `"${byteStringToText(more.value.path)}", which is new`
  } finally {
    await rest.return?.()
  }
}

async function entryDifference(old: TreeEntry, now: TreeEntry): Promise<string | undefined> {
  if (old.type !== now.type) return `a ${old.type} before, a ${now.type} now`
  if (old.type === 'symlink' && now.type === 'symlink' && old.target !== now.target) {
    return `links to "${byteStringToText(old.target)}" before, to "${byteStringToText(now.target)}" now`
  }
  if (old.type !== 'file' || now.type !== 'file') return undefined
  const executable = [old, now].map(({ mode }) => (mode & OWNER_EXECUTES) !== 0)
  if (executable[0] !== executable[1]) return executable[0] === true ? 'not executable any more' : 'executable now'
  const at = await firstDifferentByte(old.open(), now.open())
  return at === undefined ? undefined : `byte ${at} of ${old.size} before, of ${now.size} now`
}

/** Counted from 0. */
async function firstDifferentByte(
  before: AsyncIterable<Uint8Array>,
  after: AsyncIterable<Uint8Array>,
): Promise<number | undefined> {
  const rest = after[Symbol.asyncIterator]()
  let offset = 0
  let pending: Uint8Array = new Uint8Array()
  try {
    for await (const chunk of before) {
      for (let done = 0; done < chunk.length;) {
        if (pending.length === 0) {
          const next = await rest.next()
          if (next.done === true) return offset
          pending = next.value
        }
        const length = Math.min(chunk.length - done, pending.length)
        const [left, right] = [chunk.subarray(done, done + length), pending.subarray(0, length)]
        if (Buffer.compare(left, right) !== 0) return offset + left.findIndex((byte, index) => byte !== right[index])
        done += length
        offset += length
        pending = pending.subarray(length)
      }
    }
    return pending.length > 0 || (await rest.next()).done !== true ? offset : undefined
  } finally {
    // It has a file open.
    await rest.return?.()
  }
}
