import { chmodSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs'
import { DockerToolsError, fullDiskError, systemErrorCode } from '#errors'
import type { ByteString } from '#util'
import { byteStringToText, toByteString, toFsPath } from '#util'
import type { JoinedEntry, JoinedTree } from './join-trees.ts'

/**
 * Creates a joined tree on disk, with its exact modes whatever the umask is.
 *
 * @param directory Where its root is to be. It is made, or may be there but
 *   empty; its parent has to exist.
 * @throws {DockerToolsError} `WRITE_FAILED` if something cannot be made, or is there already.
 */
// oxlint-disable-next-line require-await -- creating a file is over sooner than a promise for it
export async function materialize(tree: JoinedTree, directory: string): Promise<void> {
  const root = toByteString(directory)
  for (const entry of tree.entries('bytes')) {
    const onDisk = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
    try {
      create(entry, toFsPath(onDisk))
    } catch (cause) {
      const full = fullDiskError(`create "${byteStringToText(onDisk)}"`, cause)
      if (full !== cause) throw full
      const code = systemErrorCode(cause)
      const why = code === 'EEXIST' ? 'it exists, it should not' : `the system says ${code}`
      throw new DockerToolsError('WRITE_FAILED', `Cannot create "${byteStringToText(onDisk)}": ${why}`, { cause })
    }
  }
}

function create(entry: JoinedEntry, fsPath: string | Buffer): void {
  if (entry.type === 'symlink') {
    symlinkSync(toFsPath(entry.target), fsPath)
    return
  }
  try {
    mkdirSync(fsPath)
  } catch (error) {
    if (entry.path !== '' || !lstatSync(fsPath).isDirectory()) throw error
  }
  chmodSync(fsPath, entry.mode)
}
