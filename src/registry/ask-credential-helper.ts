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
/** A helper may ask the user. */
const TIME_LIMIT_MS = 120_000

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
  options: { readonly environment: Environment; readonly signal: AbortSignal | undefined },
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
  { environment, signal }: { readonly environment: Environment; readonly signal: AbortSignal | undefined },
): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      ...(signal === undefined ? {} : { signal }),
    })
    const kill = (): void => void child.kill('SIGKILL')
    const timer = setTimeout(kill, TIME_LIMIT_MS)
    const settle = (): void => {
      clearTimeout(timer)
      process.off('exit', kill)
    }
    process.once('exit', kill)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > MAX_OUTPUT_BYTES) kill()
    })
    // A helper need not read the question to its end.
    child.stdin.on('error', () => {})
    child.stdin.end(`${server}\n`)
    child.once('error', (error) => {
      settle()
      if (signal?.aborted === true) {
        reject(new DockerToolsError('INTERRUPTED', `Cannot ask "${program}": it was stopped`, { cause: error }))
      } else if (['ENOENT', 'EACCES'].includes(systemErrorCode(error) ?? '')) {
        const message = `Cannot ask for the credentials of "${server}": there is no program "${program}" that may be run`
        reject(
          new DockerToolsError('PROGRAM_MISSING', message, {
            hint: 'Install it, or take it out of "credHelpers" and "credsStore" of the configuration',
          }),
        )
      } else reject(failure(program, server, `it cannot be started: ${systemErrorCode(error) ?? 'unknown'}`))
    })
    child.once('close', (status) => {
      settle()
      resolve({ status, output })
    })
  })
}

function failure(program: string, server: string, reason: string): DockerToolsError {
  return new DockerToolsError(
    'CREDENTIALS_UNAVAILABLE',
    `Cannot ask "${program}" for the credentials of "${server}": ${reason}`,
    { hint: `Try it by hand: echo ${server} | ${program} get` },
  )
}
