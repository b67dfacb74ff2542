import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { DockerToolsError, systemErrorCode } from '#errors'
import { interrupted } from './find-engine.ts'

type Ctr = ChildProcessByStdio<Writable, Readable, Readable>

/** How much of what `ctr` writes is kept: its last words say what is wrong. */
const KEPT_CHARACTERS = 64 * 1024

/**
 * Imports a docker-archive into containerd with its program `ctr`, which takes
 * address and namespace from `CONTAINERD_ADDRESS` and `CONTAINERD_NAMESPACE`.
 *
 * @returns The names that `ctr` says it has unpacked.
 * @throws {DockerToolsError} `PROGRAM_MISSING`, `ENGINE_FAILED`, `INTERRUPTED`.
 */
export async function importWithCtr(
  archive: AsyncIterable<Uint8Array>,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (signal?.aborted === true) throw interrupted(signal)
  const ctr = spawn('ctr', ['--connect-timeout', '3s', 'images', 'import', '-'], {
    env: { ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const stop = (): void => void ctr.kill('SIGKILL')
  signal?.addEventListener('abort', stop, { once: true })
  process.once('exit', stop)
  try {
    const said = wordsOf(ctr)
    const ended = endOf(ctr)
    // What it is told by is looked at only after everything was written.
    ended.catch(() => undefined)
    await writeAll(ctr, archive)
    const code = await ended
    signal?.throwIfAborted()
    if (code !== 0) throw refused(said.errors())
    const names = [...said.output().matchAll(/^unpacking (\S+) \(sha256:[0-9a-f]{64}\)/gm)].map(([, name = '']) => name)
    if (names.length === 0) throw refused('it did not say that an image was unpacked')
    return names
  } finally {
    stop()
    process.off('exit', stop)
    signal?.removeEventListener('abort', stop)
  }
}

function wordsOf(ctr: Ctr): { output(): string; errors(): string } {
  let [output, errors] = ['', '']
  ctr.stdout.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-KEPT_CHARACTERS)))
  ctr.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-KEPT_CHARACTERS)))
  return { output: () => output, errors: () => errors.trim() }
}

function endOf(ctr: Ctr): Promise<number | null> {
  return new Promise((resolve, reject) => {
    ctr.once('close', resolve)
    ctr.once('error', (error) => {
      const isMissing = systemErrorCode(error) === 'ENOENT'
      const message = 'Cannot load the image into containerd: there is no program "ctr"'
      reject(isMissing ? new DockerToolsError('PROGRAM_MISSING', message, { cause: error }) : error)
    })
  })
}

/** A program that closes its input has found a mistake, and its status says so: that is no failure of ours. */
async function writeAll(ctr: Ctr, archive: AsyncIterable<Uint8Array>): Promise<void> {
  ctr.stdin.on('error', () => undefined)
  for await (const chunk of archive) {
    const isTaken = await new Promise<boolean>((resolve) => {
      ctr.once('close', gone)
      ctr.stdin.write(chunk, (error) => done(error === null || error === undefined))
      function gone(): void {
        done(false)
      }
      function done(isWritten: boolean): void {
        ctr.off('close', gone)
        resolve(isWritten)
      }
    })
    if (!isTaken) return
  }
  ctr.stdin.end()
}

function refused(reason: string): DockerToolsError {
  return new DockerToolsError('ENGINE_FAILED', `Cannot load the image: containerd refused it: ${reason}`, {
    hint: 'ctr finds containerd by CONTAINERD_ADDRESS and the namespace by CONTAINERD_NAMESPACE',
  })
}
