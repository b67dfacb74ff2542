import { DockerToolsError, IntegrityError } from '#errors'
import { toByteString } from '#util'
import { closure } from './closure.ts'
import { checkNotStopped, copyTree } from './copy-tree.ts'
import { formatHash, hashesEqual } from './hash.ts'
import type { ReferenceGraph } from './reference-graph.ts'
import { removeTree } from './remove-tree.ts'
import type { StagedPath, StoreWriter } from './store-writer.ts'
import type { Store } from './store.ts'
import type { StorePath } from './store-path.ts'
import { unpackEntries } from './unpack-entries.ts'
import type { CopyReport } from './writable-store.ts'

/** Paths under way at once: one is unpacked while others are fetched. */
const CONCURRENT_PATHS = 6

/** What a copy needs to know besides. */
export interface CopyContext {
  readonly registeredSeconds: () => number
  readonly signal: AbortSignal | undefined
}

/**
 * Copies paths with all they refer to. Each becomes valid after what it refers
 * to, so whenever this ends, what is there is a closure.
 */
export async function copyClosure(
  from: Store,
  roots: readonly StorePath[],
  writer: StoreWriter,
  { registeredSeconds, signal }: CopyContext,
): Promise<CopyReport> {
  const graph = await closure(from, roots)
  const order = sortByReferences(graph)
  const missing = new Set(await writer.keep(order))
  const finished = new Map<StorePath, Promise<readonly StorePath[]>>()
  const references = new Map(graph.map((node) => [node.path, node.references]))
  const active = new Set<Promise<unknown>>()
  const copied: StorePath[] = []
  let narBytes = 0
  async function copy(path: StorePath): Promise<readonly StorePath[]> {
    const staged = await stage(from, path, writer, { registeredSeconds, signal })
    try {
      // They were started before, so none of them waits for this one.
      for (const reference of references.get(path) ?? []) if (reference !== path) await finished.get(reference)
      const added = await writer.commit([staged])
      copied.push(...added)
      narBytes += added.length === 0 ? 0 : staged.registration.narSize
      return added
    } finally {
      removeTree(staged.physical)
    }
  }
  try {
    for (const path of order) {
      if (!missing.has(path)) continue
      if (active.size >= CONCURRENT_PATHS) await Promise.race(active)
      const copying = copy(path)
      finished.set(path, copying)
      const tracked: Promise<unknown> = copying.catch(() => undefined).finally(() => active.delete(tracked))
      active.add(tracked)
    }
    await Promise.all(finished.values())
  } finally {
    // After a failure: none may be left to fail unheard, or to write into a room that is gone.
    await Promise.allSettled(finished.values())
  }
  return { copied, narBytes }
}

/** Brings a path here, under no name yet, and checks it. */
async function stage(
  from: Store,
  path: StorePath,
  writer: StoreWriter,
  { registeredSeconds, signal }: CopyContext,
): Promise<StagedPath> {
  checkNotStopped(signal)
  const info = await from.pathInfo(path)
  const physical = writer.room.freshPath()
  try {
    const onDisk = await from.realPath(path)
    const { narHash, narSize } =
      onDisk === undefined
        ? await unpackEntries(from.entries(path), physical)
        : await copyTree(toByteString(onDisk), physical, signal === undefined ? {} : { signal })
    if (!hashesEqual(narHash, info.narHash)) {
      const [actual, expected] = [formatHash(narHash, 'sri'), formatHash(info.narHash, 'sri')]
      const message = `Cannot copy "${path}" from "${from.uri}": its NAR hash is ${actual}, it should be ${expected}`
      throw new IntegrityError('DIGEST_MISMATCH', message, { actual, expected })
    }
    const { references, deriver, signatures, contentAddress } = info
    const registration = {
      path,
      narHash,
      narSize,
      references,
      signatures,
      registeredSeconds: registeredSeconds(),
      ...(deriver === undefined ? {} : { deriver }),
      ...(contentAddress === undefined ? {} : { contentAddress }),
    }
    return { physical, registration }
  } catch (error) {
    removeTree(physical)
    throw error
  }
}

/**
 * Every path after those it refers to.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID` for a circle of several paths, which no store should have.
 */
export function sortByReferences(graph: ReferenceGraph): StorePath[] {
  const references = new Map(graph.map((node) => [node.path, node.references]))
  const state = new Map<StorePath, 'open' | 'done'>()
  const order: StorePath[] = []
  for (const { path: root } of graph) {
    const stack: { readonly path: StorePath; next: number }[] = [{ path: root, next: 0 }]
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next === 0) {
        if (state.get(top.path) === 'done') {
          stack.pop()
          continue
        }
        state.set(top.path, 'open')
      }
      const reference = references.get(top.path)?.[top.next++]
      if (reference === undefined) {
        state.set(top.path, 'done')
        order.push(top.path)
        stack.pop()
      } else if (reference !== top.path && state.get(reference) === 'open') throw circular(top.path, reference)
      else if (!state.has(reference)) stack.push({ path: reference, next: 0 })
    }
  }
  return order
}

function circular(from: StorePath, to: StorePath): DockerToolsError {
  return new DockerToolsError(
    'FORMAT_INVALID',
    `Cannot copy "${from}": it and "${to}" refer to each other in a circle, references should not`,
  )
}
