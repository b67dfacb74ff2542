import { existsSync } from 'node:fs'
import { type Built, makeBuilt, type RealiseSession } from '#derivation'
import type { StorePath } from '#store'
import { HostTree } from './host-tree.ts'
import { realPathOf } from './normalize-path.ts'
import { type ByteString, toByteString } from '#util'

/**
 * A file of this machine as a store path that has it at `place`.
 *
 * @param candidates Where it may be; the first that is there counts.
 * @returns Undefined where there is none.
 */
export function hostFile(name: string, place: string, candidates: readonly string[]): Built | undefined {
  const found = candidates.find((candidate) => existsSync(candidate))
  const realPath = found === undefined ? undefined : realPathOf(toByteString(found))
  if (realPath === undefined) return undefined
  const add = (session: RealiseSession): Promise<StorePath> =>
    session.once(`host file ${place}`, () => addTo(session, name, place, realPath))
  return makeBuilt(name, {}, { name, outPath: add, realise: add })
}

async function addTo(session: RealiseSession, name: string, place: string, realPath: ByteString): Promise<StorePath> {
  const tree = new HostTree(session.store.dir)
  tree.addFileAt(`/${place}` as ByteString, realPath)
  return await session.writable.addEntries(name, tree.entries())
}
