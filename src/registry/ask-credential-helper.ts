import { spawn } from 'node:child_process'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { Environment } from '#http'
import { isJsonObject, type JsonValue, parseJson } from '#image'
import type { Credential } from './credential.ts'

/** The user name by which helpers say that the secret is an identity token. */
const TOKEN_USER = '<token>'
/** What helpers print, and exit with 1, where they know nothing. */
const NOT_FOUND = /credentials not found/i
const MAX_OUTPUT_BYTES = 1024 * 1024
const TIME_LIMIT_MS = 120_000
/** What a helper has started may hold its output open for longer than it lives. */
const LATE_OUTPUT_MS = 1000

/** How a helper is run. */
export interface HelperOptions {
  readonly environment: Environment
  readonly signal: AbortSignal | undefined
  /** Time it has to answer. Default: two minutes, as it may ask the user. */
  readonly timeLimitMs?: number
}

/**
 * Asks `docker-credential-NAME` for what it has for a registry. What it prints is never shown: it may be a secret.
 *
 * @returns undefined where it has nothing.
 * @throws {DockerToolsError} `PROGRAM_MISSING`, `CREDENTIALS_UNAVAILABLE`, `INTERRUPTED`.
 * @see https://github.com/docker/docker-credential-helpers
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credential | undefined> {
  const program = `docker-credential-${name}`
  if (!/^[\w.-]+$/.test(name)) throw failure(program, server, 'its name should be letters, digits, ".", "_" and "-"')
  const { status, output } = await runHelper(program, server, options)
  if (status !== 0) {
    if (NOT_FOUND.test(output)) return undefined
    throw failure(program, server, `it ended with status ${status ?? 'of a signal'}`)
  }
  let answer: JsonValue
  try {
    answer = parseJson(output, 'answer')
  } catch {
    throw failure(program, server, 'its answer is not valid JSON')
  }
  const [username, secret] = isJsonObject(answer) ? [answer.get('Username'), answer.get('Secret')] : []
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw failure(program, server, 'its answer should have "Username" and "Secret"')
  }
  if (secret === '') return undefined
  if (username === TOKEN_USER) return { type: 'identity-token', token: secret }
  return { type: 'password', username, password: secret }
}

function runHelper(
  program: string,
  server: string,
  { environment, signal, timeLimitMs = TIME_LIMIT_MS }: HelperOptions,
): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      ...(signal === undefined ? {} : { signal }),
    })
    const kill = (): void => void child.kill('SIGKILL')
    const giveUp = (reason: string): void => {
      settle()
      kill()
      child.stdout.destroy()
      reject(failure(program, server, reason))
    }
    const timer = setTimeout(() => giveUp(`it has not answered for ${timeLimitMs / 1000} seconds`), timeLimitMs)
    let lateTimer: NodeJS.Timeout | undefined
    const settle = (): void => {
      clearTimeout(timer)
      clearTimeout(lateTimer)
      process.off('exit', kill)
    }
    process.once('exit', kill)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > MAX_OUTPUT_BYTES) giveUp(`it has printed more than ${MAX_OUTPUT_BYTES} bytes`)
    })
    // A helper need not read the question to its end.
    child.stdin.on('error', () => {})
    child.stdin.end(`${server}\n`)
    child.once('error', (error) => {
      settle()
      child.stdout.destroy()
      reject(startFailure(program, server, error, signal))
    })
    child.once('exit', () => {
      lateTimer = setTimeout(() => child.stdout.destroy(), LATE_OUTPUT_MS).unref()
    })
    child.once('close', (status) => {
      settle()
      resolve({ status, output })
    })
  })
}

function startFailure(program: string, server: string, error: Error, signal: AbortSignal | undefined): Error {
  if (signal?.aborted === true) {
    return new DockerToolsError('INTERRUPTED', `Cannot ask "${program}": it was stopped`, { cause: error })
  }
  const code = systemErrorCode(error) ?? 'unknown'
  if (code !== 'ENOENT' && code !== 'EACCES') return failure(program, server, `it cannot be started: ${code}`)
  const message = `Cannot ask for the credentials of "${server}": there is no program "${program}" that may be run`
  return new DockerToolsError('PROGRAM_MISSING', message, {
    hint: 'Install it, or take it out of "credHelpers" and "credsStore" of the configuration',
  })
}

function failure(program: string, server: string, reason: string): DockerToolsError {
  return new DockerToolsError(
    'CREDENTIALS_UNAVAILABLE',
    `Cannot ask "${program}" for the credentials of "${server}": ${reason}`,
    { hint: `Try it by hand: echo ${server} | ${program} get` },
  )
}
