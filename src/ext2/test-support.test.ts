import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { type ByteString, toByteString } from '#util'
import { type DiskBody, type DiskEntry, type Ext2Options, writeExt2 } from './index.ts'

/** An entry with its content, as the tests make them. */
export type Made = DiskEntry & { readonly content?: Uint8Array; readonly mtimeSeconds?: number }

export function made(path: string, more: object): Made {
  return { path: toByteString(path), mode: 0o644, uid: 0, gid: 0, ...more } as Made
}

export const ROOT: Made = made('', { type: 'directory', mode: 0o755 })

export function file(path: string, content: Uint8Array, more: object = {}): Made {
  return made(path, { type: 'file', size: content.length, content, ...more })
}

export async function writeImage(path: string, entries: readonly Made[], options?: Ext2Options): Promise<void> {
  await using image = await open(path, 'w')
  await writeExt2(image, entries, entries.map(bodyOf), options)
}

function bodyOf({ path, content = new Uint8Array(), mtimeSeconds = 0 }: Made): DiskBody {
  return { path, mtimeSeconds, body: () => chunks(content) }
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* chunks(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += 70_001) yield content.subarray(start, start + 70_001)
}

/** What e2fsprogs says of an image. */
export function debugfs(image: string, request: string): string {
  return execFileSync('debugfs', ['-R', request, image], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] })
}

/** Fails where e2fsck finds anything to repair. */
export function checkImage(image: string): void {
  execFileSync('e2fsck', ['-f', '-n', image], { stdio: 'pipe' })
}

export function byteName(text: string): ByteString {
  return text as ByteString
}
