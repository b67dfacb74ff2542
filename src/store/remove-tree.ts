import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import { systemErrorCode } from '#errors'
import { type ByteString, toByteString, toFsPath } from '#util'

/** Removes what is at `path`, if anything is. Folders of a store let nobody remove what is in them; they are opened first. */
export function removeTree(path: string): void {
  try {
    if (process.getuid?.() !== 0) openFolders(toByteString(path))
    rmSync(path, { recursive: true, force: true })
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  }
}

function openFolders(root: ByteString): void {
  if (!lstatSync(toFsPath(root)).isDirectory()) return
  const pending = [root]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    chmodSync(toFsPath(folder), 0o700)
    for (const entry of readdirSync(toFsPath(folder), { encoding: 'buffer', withFileTypes: true })) {
      if (entry.isDirectory()) pending.push(`${folder}/${entry.name.toString('latin1')}` as ByteString)
    }
  }
}
