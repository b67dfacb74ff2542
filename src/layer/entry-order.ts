import { sortNames, type TreeEntry } from '#tree'
import { type ByteString, byteStringToBytes, isAscii, makeSpool } from '#util'

/** Yields the entries of a path in the order a layer has them in. */
export type EntryOrder = (entries: AsyncIterable<TreeEntry>) => AsyncGenerator<TreeEntry>

/** A name was seen for which the order of a NAR is not that of a layer. */
export class NamesNeedSorting extends Error {}

/**
 * NAR order is by bytes, a layer's by the code points of decoded names. The two
 * are the same as long as every name is UTF-8.
 *
 * @throws {NamesNeedSorting} at the first name that is not.
 */
export async function* asTheyCome(entries: AsyncIterable<TreeEntry>): AsyncGenerator<TreeEntry> {
  for await (const entry of entries) {
    if (!isAscii(entry.path) && !isUtf8(entry.path)) throw new NamesNeedSorting()
    yield entry
  }
}

/** Sorts entries as a layer has them. Bodies wait in a spool, since they can be read only as they come. */
export async function* inPathlibOrder(entries: AsyncIterable<TreeEntry>): AsyncGenerator<TreeEntry> {
  await using bodies = makeSpool(4 * 1024 * 1024)
  const byPath = new Map<ByteString, TreeEntry>()
  const children = new Map<string, ByteString[]>()
  for await (const entry of entries) {
    byPath.set(entry.path, await withBodyIn(bodies, entry))
    if (entry.path === '') continue
    const slash = entry.path.lastIndexOf('/')
    const folder = slash === -1 ? '' : entry.path.slice(0, slash)
    const siblings = children.get(folder)
    const name = entry.path.slice(slash + 1) as ByteString
    if (siblings === undefined) children.set(folder, [name])
    else siblings.push(name)
  }
  const pending = ['' as ByteString]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const entry = byPath.get(path)
    if (entry !== undefined) yield entry
    const names = sortNames(children.get(path) ?? [], 'pathlib')
    const prefix = path === '' ? '' : `${path}/`
    for (const name of names.toReversed()) pending.push((prefix + name) as ByteString)
  }
}

async function withBodyIn(spool: ReturnType<typeof makeSpool>, entry: TreeEntry): Promise<TreeEntry> {
  if (entry.type !== 'file') return entry
  const start = spool.size
  for await (const chunk of entry.open()) await spool.write(chunk)
  return { ...entry, open: () => spool.read(start, entry.size) }
}

function isUtf8(name: ByteString): boolean {
  const bytes = byteStringToBytes(name)
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes)
}
