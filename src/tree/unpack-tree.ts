import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { DockerToolsError, fullDiskError, systemErrorCode } from '#errors'
import { type ByteString, byteStringToText, toByteString, toFsPath } from '#util'
import type { TreeEntry } from './tree-entry.ts'

/**
 * Writes a tree to disk, bodies included, with its exact modes.
 *
 * @param entries Root first, each directory before what is in it. Names are
 *   trusted: whoever made the entries has refused those that lead outside.
 * @param target Where the root is to be; must not exist, its parent has to.
 * @throws {DockerToolsError} `WRITE_FAILED`; `FILE_TYPE_UNSUPPORTED` for devices, pipes and sockets.
 */
export async function unpackTree(entries: AsyncIterable<TreeEntry>, target: string): Promise<void> {
  const root = toByteString(target)
  const closed: { readonly fsPath: string | Buffer; readonly mode: number }[] = []
  for await (const entry of entries) {
    const onDisk = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
    const fsPath = toFsPath(onDisk)
    try {
      if (entry.type === 'directory') {
        mkdirSync(fsPath, 0o700)
        closed.push({ fsPath, mode: entry.mode })
      } else if (entry.type === 'symlink') symlinkSync(toFsPath(entry.target), fsPath)
      else if (entry.type === 'file') await writeBody(entry, fsPath)
      else
        throw new DockerToolsError(
          'FILE_TYPE_UNSUPPORTED',
          `Cannot unpack "${byteStringToText(onDisk)}": it is a ${entry.type}`,
        )
    } catch (cause) {
      const what = `create "${byteStringToText(onDisk)}"`
      const known = fullDiskError(what, cause)
      if (known instanceof DockerToolsError || systemErrorCode(cause) === undefined) throw known
      throw new DockerToolsError('WRITE_FAILED', `Cannot ${what}: the system says ${systemErrorCode(cause)}`, { cause })
    }
  }
  // Last, and from the inside out: a directory may be one that nothing can be written to.
  for (const { fsPath, mode } of closed.toReversed()) chmodSync(fsPath, mode)
}

async function writeBody(entry: TreeEntry & { readonly type: 'file' }, fsPath: string | Buffer): Promise<void> {
  await using file = await open(fsPath, 'wx', 0o600)
  for await (const chunk of entry.open()) await file.writeFile(chunk)
  await file.chmod(entry.mode)
}
