import { fstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { readExt2, type StoredDiskEntry } from '#ext2'
import { type ByteString, toByteString } from '#util'
import type { ChangedEntry, Changes, OwnedEntry, TreeSource } from './runner.ts'

/** Contents may be so many times longer than the disk that they come from: files have holes. */
const HOLES_FACTOR = 64

/**
 * Reads what a script has left: the upper directory of an overlay, or the whole
 * tree where there was no base.
 *
 * @param image The disk that the guest wrote to.
 * @param owned What goes away with the changes.
 */
export async function readChanges(
  image: string,
  base: TreeSource | undefined,
  owned: AsyncDisposable,
): Promise<Changes> {
  await using stack = new AsyncDisposableStack()
  stack.use(owned)
  const file = stack.use(await open(image, 'r'))
  const before = new Map(base?.entries.map((entry) => [entry.path, entry]))
  const maxContentBytes = fstatSync(file.fd).size * HOLES_FACTOR
  const changes = new UpperDirectory(before)
  const entries = readExt2(file.fd, toByteString('upper'), { maxContentBytes })
    .flatMap((entry) => changes.read(entry))
    .toArray()
  const kept = stack.move()
  return { entries, [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() }
}

class UpperDirectory {
  readonly #before: ReadonlyMap<ByteString, OwnedEntry>
  /** The last folder that hides all of the base; what is in it comes right behind it. */
  #hidden: string | undefined

  constructor(before: ReadonlyMap<ByteString, OwnedEntry>) {
    this.#before = before
  }

  /** Nothing for a whiteout that hides nothing. */
  read(stored: StoredDiskEntry): readonly ChangedEntry[] {
    const { path, mode, uid, gid } = stored
    const known = this.#before.get(path)
    const meta = { path, mode, uid, gid }
    const isHidden = this.#hidden !== undefined && path.startsWith(this.#hidden)
    switch (stored.type) {
      case 'directory': {
        const isOpaque = known !== undefined && (isHidden || isReplaced(known, stored))
        if (!isHidden) this.#hidden = isOpaque ? `${path}/` : undefined
        return [{ ...meta, type: 'directory', isOpaque }]
      }
      case 'file':
        return [{ ...meta, type: 'file', size: stored.size, body: { kind: 'spool', spool: stored, offset: 0 } }]
      case 'symlink':
        return [{ ...meta, type: 'symlink', target: stored.target }]
      case 'char':
      case 'block':
        if (this.#before.size > 0 && stored.type === 'char' && stored.major === 0 && stored.minor === 0) {
          return known === undefined || isHidden ? [] : [{ type: 'whiteout', path }]
        }
        return [{ ...meta, type: stored.type, major: stored.major, minor: stored.minor }]
      case 'fifo':
      case 'socket':
        return [{ ...meta, type: stored.type }]
    }
  }
}

/** The kernel marks each new folder so; it says something only where the base has one of the name. */
function isReplaced(known: OwnedEntry, stored: StoredDiskEntry): boolean {
  return known.type !== 'directory' || stored.trustedAttribute('overlay.opaque')?.toString('latin1') === 'y'
}
