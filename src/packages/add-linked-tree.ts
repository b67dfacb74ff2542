import type { RealiseSession } from '#derivation'
import { makeSourcePath, measureNarOnDisk, type StorePath } from '#store'
import { type TreeEntry, unpackTree } from '#tree'
import { toByteString } from '#util'

/**
 * Adds a tree that links to store paths, under the path that follows from its
 * name and content, as one without links would get.
 *
 * @param references The paths it links to, all of them, in any order.
 */
export async function addLinkedTree(
  session: RealiseSession,
  name: string,
  entries: AsyncIterable<TreeEntry>,
  references: readonly StorePath[],
): Promise<StorePath> {
  const { writable } = session
  if (references.length === 0) return await writable.addEntries(name, entries)
  const physicalTemp = await writable.scratchPath()
  await unpackTree(entries, physicalTemp)
  const { narHash } = await measureNarOnDisk(toByteString(physicalTemp))
  const path = makeSourcePath(name, narHash, { references }, writable.dir)
  await writable.registerOutputs([{ path, physicalTemp }], { known: references })
  return path
}
