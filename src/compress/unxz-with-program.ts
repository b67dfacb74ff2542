import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { Peekable } from './peekable.ts'
import { brokenStream, truncatedStream, unsupportedStream, windowTooLarge } from './stream-error.ts'

type Xz = ChildProcessByStdio<Writable, Readable, Readable>

/** What xz needs besides the dictionary: buffers, probabilities, its own code. */
const XZ_OVERHEAD_BYTES = 32 * 1024 ** 2
/** Enough for every message xz has; more is not kept. */
const MAX_STDERR_CHARS = 4096

/**
 * Decompresses with the `xz` program.
 *
 * @returns The plain bytes, or undefined if there is no such program; then
 *   nothing of the source has been read.
 */
export async function unxzWithProgram(
  source: Peekable,
  maxWindowBytes: number,
  program: string,
): Promise<AsyncGenerator<Uint8Array> | undefined> {
  const xz = await start(program, maxWindowBytes + XZ_OVERHEAD_BYTES)
  return xz === undefined ? undefined : readThrough(xz, source, maxWindowBytes)
}

async function start(program: string, memoryBytes: number): Promise<Xz | undefined> {
  const memoryLimit = Number.isFinite(memoryBytes) ? [`--memlimit-decompress=${memoryBytes}`] : []
  const xz = spawn(program, ['--decompress', '--stdout', '--format=xz', '--threads=0', ...memoryLimit], {
    // Without the caller's XZ_OPT and XZ_DEFAULTS, and with messages we can tell apart.
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  try {
    await once(xz, 'spawn')
    return xz
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'EACCES') return undefined
    throw new DockerToolsError('PROGRAM_MISSING', `Cannot start program "${program}"`, { cause: error })
  }
}

async function* readThrough(xz: Xz, source: Peekable, maxWindowBytes: number): AsyncGenerator<Uint8Array> {
  let messages = ''
  let sourceError: { readonly error: unknown } | undefined
  const closed = new Promise<number | undefined>((resolve) => {
    xz.once('close', (status: number | null) => resolve(status ?? undefined))
  })
  xz.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages = (messages + text).slice(0, MAX_STDERR_CHARS)
  })
  xz.on('error', () => {})
  // A program that ends early breaks the pipe; its exit status says why.
  xz.stdin.on('error', () => {})

  async function feed(): Promise<void> {
    try {
      for (;;) {
        const result = await source.next()
        if (result.done === true || xz.stdin.destroyed) break
        if (!xz.stdin.write(result.value)) await writableAgain(xz.stdin)
      }
      xz.stdin.end()
    } catch (error) {
      sourceError = { error }
      xz.kill('SIGKILL')
    }
  }

  const fed = feed()
  try {
    for await (const chunk of xz.stdout) yield chunk as Uint8Array
    const status = await closed
    if (sourceError !== undefined) throw sourceError.error
    if (status !== 0) throw exitError(messages, status, maxWindowBytes)
  } finally {
    xz.kill('SIGKILL')
    xz.stdin.destroy()
    await fed
    await closed
  }
}

/** Waits until `stdin` takes more, or never will. */
function writableAgain(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stdin.off('drain', settle)
      stdin.off('close', settle)
      resolve()
    }
    stdin.on('drain', settle)
    stdin.on('close', settle)
  })
}

function exitError(messages: string, status: number | undefined, maxWindowBytes: number): DockerToolsError {
  if (messages.includes('Unexpected end of input')) return truncatedStream('xz')
  if (messages.includes('Memory usage limit'))
    return windowTooLarge('xz', 'its dictionary is too large', maxWindowBytes)
  if (messages.includes('Unsupported'))
    return unsupportedStream('xz', 'it uses a filter or check that xz does not know')
  if (messages.includes('corrupt') || messages.includes('not recognized'))
    return brokenStream('xz', 'its data is corrupt')
  const text = messages.trim()
  return brokenStream('xz', status === undefined ? 'xz was killed' : `xz ended with status ${status}: "${text}"`)
}
