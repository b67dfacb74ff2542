import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync, chmodSync } from 'node:fs'
import { join } from 'node:path'

/** A closure on disk that was made for measuring. */
export interface MadeClosure {
  /** Its store folder. */
  readonly storeDir: string
  /** Store paths, in the order they were made. */
  readonly paths: readonly string[]
  readonly files: number
  readonly bytes: number
}

const NIX32 = '0123456789abcdfghijklmnpqrsvwxyz'

/** A small generator, so that every run measures the same files. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * Makes a closure like that of a large service: most paths small, a few of
 * thousands of small files, a few of large ones. 130 paths, above 50,000 files,
 * above 1.5 GB; half of the bytes compress, half do not.
 */
export function makeClosure(folder: string, scale = 1): MadeClosure {
  const random = randomNumbers(7)
  const storeDir = join(folder, 'nix', 'store')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(storeDir, { recursive: true })
  const noise = Buffer.alloc(32 * 1024 * 1024)
  for (let offset = 0; offset < noise.length; offset += 4) {
    noise.writeUInt32LE(offset % 8192 < 4096 ? Math.floor(random() * 2 ** 32) : offset % 64, offset)
  }
  const paths: string[] = []
  let files = 0
  let bytes = 0
  const write = (path: string, size: number): void => {
    const start = Math.floor(random() * (noise.length / 2))
    const parts: Buffer[] = []
    for (let left = size; left > 0; left -= noise.length / 2) {
      parts.push(noise.subarray(start, start + Math.min(left, noise.length / 2)))
    }
    writeFileSync(path, Buffer.concat(parts))
    chmodSync(path, 0o444)
    utimesSync(path, 1, 1)
    files++
    bytes += size
  }
  for (let index = 0; index < 130; index++) {
    const hash = Array.from({ length: 32 }, () => NIX32[Math.floor(random() * 32)]).join('')
    const path = join(storeDir, `${hash}-package-${index}`)
    paths.push(path)
    const kind = index % 13
    const count = Math.ceil((kind === 0 ? 4000 : kind < 4 ? 400 : 60) * scale)
    mkdirSync(join(path, 'bin'), { recursive: true })
    for (let file = 0; file < count; file++) {
      // About ten files a folder, as in the closures of real programs.
      const folders = Math.ceil(count / 10)
      const directory = join(path, 'share', `d${file % Math.ceil(folders / 8)}`, `e${file % folders}`)
      mkdirSync(directory, { recursive: true })
      write(join(directory, `file-${file}.txt`), Math.floor(random() ** 3 * 24_000))
    }
    const large = kind === 5 ? 4 : kind < 8 ? 1 : 0
    for (let file = 0; file < large; file++) {
      write(
        join(path, 'bin', `program-${file}`),
        Math.floor((2 + random() * 16) * 1024 * 1024 * scale * (kind === 5 ? 1.6 : 1)),
      )
    }
    symlinkSync('../share', join(path, 'bin', 'share'))
  }
  return { storeDir, paths, files, bytes }
}
