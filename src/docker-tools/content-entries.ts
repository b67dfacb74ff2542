import { DockerToolsError } from '#errors'
import { isStorePath, type Store, type StorePath } from '#store'
import type { TreeEntry } from '#tree'
import { type ByteString, byteStringToText } from '#util'

const MAX_LINK_HOPS = 40

/**
 * The entries of a content as `lndir` sees them: where the content's root is a
 * symlink to a folder in the store, the folder's.
 *
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED` for a link that leads out of the store or nowhere.
 */
export async function* contentEntries(store: Store, content: StorePath): AsyncGenerator<TreeEntry> {
  let path = content
  let below = '' as ByteString
  for (let hops = 0; hops < MAX_LINK_HOPS; hops++) {
    const outcome = yield* subtree(store, path, below)
    if (outcome === 'done') return
    const next = followLink(store, content, path, below, outcome.target)
    path = next.path
    below = next.below
  }
  throw brokenLink(content, 'its links go round in a circle')
}

/** Yields what is under `below`, unless that is a symlink: then nothing, and the link is returned. */
async function* subtree(
  store: Store,
  path: StorePath,
  below: ByteString,
): AsyncGenerator<TreeEntry, 'done' | { readonly target: ByteString }> {
  let found = false
  for await (const entry of store.entries(path)) {
    const isRoot = entry.path === below
    if (isRoot && entry.type === 'symlink') return { target: entry.target }
    found ||= isRoot
    if (isRoot) yield { ...entry, path: '' as ByteString }
    else if (below === '') yield entry
    else if (entry.path.startsWith(`${below}/`))
      yield { ...entry, path: entry.path.slice(below.length + 1) as ByteString }
  }
  if (!found) throw brokenLink(path, `it has no "${byteStringToText(below)}", which a link leads to`)
  return 'done'
}

function followLink(
  store: Store,
  content: StorePath,
  path: StorePath,
  below: ByteString,
  target: ByteString,
): { readonly path: StorePath; readonly below: ByteString } {
  const folder = below.includes('/')
    ? `${path}/${below.slice(0, below.lastIndexOf('/'))}`
    : below === ''
      ? store.dir
      : path
  const parts: string[] = []
  for (const part of (target.startsWith('/') ? target : `${folder}/${target}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  const absolute = `/${parts.join('/')}`
  const inStore = absolute.startsWith(`${store.dir}/`) ? absolute.slice(store.dir.length + 1) : ''
  const slash = inStore.indexOf('/')
  const root = `${store.dir}/${slash === -1 ? inStore : inStore.slice(0, slash)}`
  if (!isStorePath(root, store.dir)) {
    throw brokenLink(
      content,
      `it is a link to "${byteStringToText(absolute as ByteString)}", which is not in the store`,
    )
  }
  return { path: root, below: (slash === -1 ? '' : inStore.slice(slash + 1)) as ByteString }
}

function brokenLink(content: StorePath, reason: string): DockerToolsError {
  return new DockerToolsError('FILE_TYPE_UNSUPPORTED', `Cannot use "${content}" in contents: ${reason}`)
}
