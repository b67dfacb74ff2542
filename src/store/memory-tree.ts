import type { TreeEntry } from '#tree'
import { compareByteStrings, toByteString } from '#util'

/** A tree that is one file. */
export function fileTree(content: Uint8Array, isExecutable = false): readonly TreeEntry[] {
  return [fileEntry('', content, isExecutable)]
}

/** A directory of plain files, such as `{ 'layer.tar': …, checksum: … }`, in NAR order. */
export function directoryTree(files: Readonly<Record<string, Uint8Array>>): readonly TreeEntry[] {
  const entries = Object.entries(files).map(([name, content]) => fileEntry(name, content, false))
  const root: TreeEntry = { type: 'directory', path: toByteString(''), mode: 0o555 }
  return [root, ...entries.toSorted((a, b) => compareByteStrings(a.path, b.path))]
}

function fileEntry(path: string, content: Uint8Array, isExecutable: boolean): TreeEntry {
  return {
    type: 'file',
    path: toByteString(path),
    mode: isExecutable ? 0o555 : 0o444,
    size: content.length,
    async *open() {
      yield content
    },
  }
}
