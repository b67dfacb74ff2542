import { chmodSync, closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'

const CHUNK_BYTES = 1_048_576

/**
 * Finds a text in a tree: in names, targets of links and contents of files.
 * What its owner may not read is made readable on the way.
 *
 * @returns The first place that has it, as a path.
 */
export function findText(tree: string, text: string): string | undefined {
  const wanted = Buffer.from(text)
  const left = [Buffer.from(tree)]
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    const stats = lstatSync(path)
    if (stats.isSymbolicLink()) {
      if (readlinkSync(path, { encoding: 'buffer' }).includes(wanted)) return path.toString()
    } else if (stats.isDirectory()) {
      chmodSync(path, (stats.mode & 0o7777) | 0o500)
      for (const name of readdirSync(path, { encoding: 'buffer' })) {
        if (name.includes(wanted)) return path.toString()
        left.push(Buffer.concat([path, Buffer.from('/'), name]))
      }
    } else if (stats.isFile()) {
      chmodSync(path, (stats.mode & 0o7777) | 0o400)
      if (fileHas(path, wanted)) return path.toString()
    }
  }
  return undefined
}

function fileHas(path: Buffer, wanted: Buffer): boolean {
  const file = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES + wanted.length)
    let kept = 0
    for (;;) {
      const count = readSync(file, chunk, kept, CHUNK_BYTES, null)
      if (count === 0) return false
      const end = kept + count
      if (chunk.subarray(0, end).includes(wanted)) return true
      // It may begin in this chunk and end in the next one.
      const begin = Math.max(0, end - wanted.length + 1)
      chunk.copyWithin(0, begin, end)
      kept = end - begin
    }
  } finally {
    closeSync(file)
  }
}
