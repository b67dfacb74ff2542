import { fileURLToPath } from 'node:url'
import { run } from './run.ts'

const SCRIPT = fileURLToPath(new URL('list_tree.py', import.meta.url))

/** One file as Python sees it. Names and targets have one character a byte. */
export interface ListedFile {
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'other'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname?: string
  readonly gname?: string
  readonly mtime: number
  readonly target?: string
  readonly sha256?: string
}

/** The members of a tar, in their order. */
export function listTar(file: string): Promise<ListedFile[]> {
  return list('tar', file)
}

/** What is in a folder, the folder itself as `''`. */
export function listFolder(folder: string): Promise<ListedFile[]> {
  return list('folder', folder)
}

/** One line a file: what any way through a layer has to keep, whoever the owner is. */
export function shapeOf(files: readonly ListedFile[]): string[] {
  return files
    .map(({ path, type, target, sha256 }) => `${type} ${path.replace(/\/$/, '')} ${target ?? sha256 ?? ''}`)
    .toSorted()
}

/** The files below `folder`, with paths relative to it. */
export function below(folder: string, files: readonly ListedFile[]): ListedFile[] {
  const prefix = folder.replace(/^\//, '')
  return files
    .filter(({ path }) => path === prefix || path.startsWith(`${prefix}/`))
    .map((file) => ({ ...file, path: file.path.slice(prefix.length).replace(/^\//, '') }))
}

async function list(kind: 'tar' | 'folder', path: string): Promise<ListedFile[]> {
  const lines = await run({ program: 'python3', args: [SCRIPT, kind, path] })
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ListedFile)
}
