import { chmodSync, lstatSync, readdirSync } from 'node:fs'
import { type ByteString, bytesToByteString, toByteString, toFsPath } from '#util'

const OWNER_READS = 0o400
const OWNER_DOES_ALL = 0o700

/**
 * Lets the owner of a tree read it, and move its folders: builders may leave
 * what nobody may enter. Root needs no leave.
 */
export function openTree(path: string): void {
  if (process.getuid?.() === 0) return
  const pending = [toByteString(path)]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const fsPath = toFsPath(next)
    const stats = lstatSync(fsPath)
    const needed = stats.isDirectory() ? OWNER_DOES_ALL : stats.isFile() ? OWNER_READS : 0
    if ((stats.mode & needed) !== needed) chmodSync(fsPath, (stats.mode & 0o7777) | needed)
    if (!stats.isDirectory()) continue
    for (const name of readdirSync(fsPath, { encoding: 'buffer' })) {
      pending.push(`${next}/${bytesToByteString(name)}` as ByteString)
    }
  }
}
