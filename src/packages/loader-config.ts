import { globSync } from 'node:fs'
import { byteStringToText, type ByteString, bytesToByteString, toByteString } from '#util'
import { BinaryFile } from './binary-file.ts'
import { folderOf } from './normalize-path.ts'

const MAX_CONFIG_BYTES = 1024 * 1024
/** Files that may include each other; a circle ends here at the latest. */
const MAX_FILES = 1000

/**
 * The folders that `ld.so.conf` names, with the files it includes, in order.
 *
 * @see man 8 ldconfig
 */
export function readLoaderConfig(path: ByteString): readonly ByteString[] {
  const folders = new Set<ByteString>()
  const seen = new Set<ByteString>()
  // The next line to be read is the last: what a line includes goes on top.
  const rest: { readonly text: string; readonly file: ByteString }[] = linesOf(path, seen)
  for (let line = rest.pop(); line !== undefined; line = rest.pop()) {
    const text = line.text.replace(/#.*/s, '').trim()
    const [, patterns] = /^include\s+(.*)$/s.exec(text) ?? []
    if (patterns !== undefined) {
      const files = patterns.split(/\s+/).flatMap((pattern) => expand(pattern, line.file))
      for (const file of files.toReversed()) if (seen.size < MAX_FILES) rest.push(...linesOf(file, seen))
      continue
    }
    if (/^hwcap\s/.test(text)) continue
    for (const folder of text.split(/[:,\s]+/)) {
      const [name = ''] = folder.split('=')
      if (name.startsWith('/')) folders.add((name.length > 1 ? name.replace(/\/+$/, '') : name) as ByteString)
    }
  }
  return [...folders]
}

/** The lines of a file, the first one last. */
function linesOf(path: ByteString, seen: Set<ByteString>): { readonly text: string; readonly file: ByteString }[] {
  if (seen.has(path)) return []
  seen.add(path)
  using file = BinaryFile.open(path)
  if (file === undefined) return []
  const text = bytesToByteString(file.readUpTo(0, MAX_CONFIG_BYTES))
  return text
    .split('\n')
    .map((line) => ({ text: line, file: path }))
    .toReversed()
}

function expand(pattern: string, from: ByteString): readonly ByteString[] {
  if (pattern === '') return []
  const absolute = pattern.startsWith('/') ? pattern : `${folderOf(from)}/${pattern}`
  const found = globSync(byteStringToText(absolute as ByteString)).map(toByteString)
  return found.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
