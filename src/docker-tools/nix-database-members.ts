import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PackedMember } from '#layer'
import { type ByteString, makeTempDir, toByteString, toFsPath } from '#util'
import { addNixDatabase, type NixDatabaseInput } from './add-nix-database.ts'
import { members } from './image-layer.ts'
import { scanned } from './stored-trees.ts'
import { sortMembers } from './tree-source.ts'

/** The members of a layer, for as long as it is there. */
export interface MembersWithDatabase extends AsyncDisposable {
  readonly members: readonly PackedMember[]
}

const ROOT = { uid: 0, gid: 0 }
const MADE_MODE = 0o755

/**
 * Adds the Nix database to a layer that is on no disk. What of it stands where the database will is made in a folder,
 * empty, so that the same is kept and refused as where a whole tree is on disk.
 *
 * @throws {DockerToolsError} as `addNixDatabase`.
 */
export async function withNixDatabase(
  layer: readonly PackedMember[],
  input: NixDatabaseInput,
): Promise<MembersWithDatabase> {
  await using stack = new AsyncDisposableStack()
  const temp = stack.use(await makeTempDir('database-'))
  const root = join(temp.path, 'root')
  mkdirSync(root)
  const known = new Set(layer.map(({ header }) => header.path))
  for (const { header } of layer) {
    if (!isOfStore(header.path)) continue
    const place = toFsPath(`${toByteString(root)}/${header.path}` as ByteString)
    if (header.type !== 'directory') writeFileSync(place, '')
    else {
      mkdirSync(place)
      chmodSync(place, MADE_MODE)
    }
  }
  addNixDatabase(root, input)
  const made = [...members(scanned(toByteString(root)), ROOT)].filter(({ header }) => !known.has(header.path))
  const owner = stack.move()
  return {
    members: sortMembers([...layer, ...made]),
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

function isOfStore(path: string): boolean {
  return path === './nix' || path.startsWith('./nix/')
}
