import { createHash } from 'node:crypto'
import type { TreeEntry } from '#tree'
import { finishHash, type Hash } from './hash.ts'
import { NarEncoder } from './nar-encoder.ts'
import { writeNar } from './write-nar.ts'

/** What a store keeps of a path's NAR. */
export interface NarMeasure {
  /** sha256. */
  readonly narHash: Hash
  /** Bytes. */
  readonly narSize: number
}

/** Hashes and counts the NAR of a tree. Errors and order of `entries` are those of `writeNar`. */
export async function measureNar(entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>): Promise<NarMeasure> {
  const hash = createHash('sha256')
  let narSize = 0
  for await (const chunk of writeNar(entries)) {
    hash.update(chunk)
    narSize += chunk.length
  }
  return { narHash: finishHash('sha256', hash), narSize }
}

/** The size of a tree's NAR in bytes, without reading a body. */
export function narSizeOf(entries: Iterable<TreeEntry>): number {
  const encoder = new NarEncoder()
  let size = 0
  for (const entry of entries) {
    size += encoder.head(entry).length + (entry.type === 'file' ? entry.size : 0) + encoder.tail(entry).length
  }
  return size + encoder.end().length
}
