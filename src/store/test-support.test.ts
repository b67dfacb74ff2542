// What the tests of this folder share. It holds no test of its own.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DockerToolsError, type ErrorCode } from '#errors'
import { parseStorePath, type StorePath } from '#store'
import type { TreeEntry } from '#tree'
import { byteStringToText, makeTempDir } from '#util'

export const GOLDEN: string = fileURLToPath(new URL('../../../shared/golden/', import.meta.url))
export const skipWithoutGolden: { skip: string | false } = {
  skip: existsSync(GOLDEN) ? false : 'shared folder not there',
}

/** Options of a test that needs programs. */
export function needs(...programs: readonly string[]): { skip: string | false } {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const missing = programs.find((program) => !folders.some((folder) => existsSync(join(folder, program))))
  return { skip: missing === undefined ? false : `no program ${missing} here` }
}

/** `/nix/store/` and 32 times `letter`, then `-NAME`. */
export function testPath(letter: string, name: string = letter): StorePath {
  return parseStorePath(`/nix/store/${letter.repeat(32)}-${name}`)
}

/** The bytes of NAR words: length, bytes, zeros. Written here anew, so that it can be held against the encoder. */
export function narWords(...words: readonly (string | Uint8Array)[]): Buffer {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.from(word)
    const length = Buffer.alloc(8)
    length.writeUInt32LE(bytes.length)
    return [length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]
  })
  return Buffer.concat(parts)
}

/** The NAR of one file. */
export function fileNar(content: string | Uint8Array): Buffer {
  return narWords('nix-archive-1', '(', 'type', 'regular', 'contents', content, ')')
}

export async function* chunked(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source))
}

/** Each entry as one line: type, mode, path, and size and text or target. */
export async function listing(entries: AsyncIterable<TreeEntry>): Promise<string[]> {
  const lines: string[] = []
  for await (const entry of entries) {
    const head = `${entry.type} ${entry.mode.toString(8)} ${JSON.stringify(byteStringToText(entry.path))}`
    if (entry.type === 'file') lines.push(`${head} ${entry.size} ${(await readAll(entry.open())).toString('latin1')}`)
    else if (entry.type === 'symlink') lines.push(`${head} -> ${entry.target}`)
    else lines.push(head)
  }
  return lines
}

/** For `assert.rejects` and `assert.throws`: one of our errors, with this code and a text that `text` is in. */
export function failsWith(code: ErrorCode, text: string | RegExp = ''): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof DockerToolsError) || error.code !== code) throw error
    const isFound = typeof text === 'string' ? error.message.includes(text) : text.test(error.message)
    if (!isFound) throw new Error(`the message is: ${error.message}`, { cause: error })
    return true
  }
}

/** A real Nix with a store of its own in a temp directory. */
export interface NixSandbox extends AsyncDisposable {
  readonly root: string
  readonly storeDir: string
  readonly environment: Readonly<Record<string, string | undefined>>
  run(program: string, ...args: readonly string[]): string
}

export async function makeNixSandbox(): Promise<NixSandbox> {
  const temp = await makeTempDir('nix-test-')
  const root = temp.path
  const environment = {
    ...process.env,
    HOME: root,
    XDG_CACHE_HOME: `${root}/cache`,
    XDG_DATA_HOME: `${root}/data`,
    NIX_STORE_DIR: `${root}/store`,
    NIX_STATE_DIR: `${root}/state`,
    NIX_LOG_DIR: `${root}/log`,
    NIX_CONF_DIR: `${root}/conf`,
    NIX_REMOTE: '',
  }
  await mkdir(`${root}/conf`)
  const settings = ['experimental-features = nix-command', 'substituters =', 'sandbox = false', 'build-users-group =']
  await writeFile(`${root}/conf/nix.conf`, `${settings.join('\n')}\n`)
  return {
    root,
    storeDir: environment.NIX_STORE_DIR,
    environment,
    run(program, ...args) {
      const output = execFileSync(program, args, { env: environment, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
      return output.toString('latin1').trimEnd()
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}
