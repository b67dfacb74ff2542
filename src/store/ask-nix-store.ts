import { execFile } from 'node:child_process'
import { DockerToolsError, systemErrorCode } from '#errors'
import { parseHash } from './hash.ts'
import type { PathInfo } from './path-info.ts'
import { compareStorePaths, parseStorePath, type StorePath } from './store-path.ts'
import type { StoreOptions } from './store-options.ts'

/** Far more than one path's facts take. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** An answer, or why there is none. */
export type NixStoreAnswer = { readonly info: PathInfo } | { readonly reason: string }

/**
 * Asks the `nix-store` program for the facts of a path. One call gives all of
 * them: `--dump-db` with a path writes that path's registration, in a form
 * that has not changed since Nix 1.
 *
 * @throws {DockerToolsError} `INTERRUPTED`; `FORMAT_INVALID` for an answer
 *   that is no registration.
 */
export async function askNixStore(path: StorePath, storeDir: string, options: StoreOptions): Promise<NixStoreAnswer> {
  const result = await runNixStore(['--dump-db', path], options)
  if ('reason' in result) return result
  const info = parseRegistration(result.output, storeDir)
  return info?.path === path ? { info } : { reason: `nix-store does not have "${path}"` }
}

function parseRegistration(text: string, storeDir: string): PathInfo | undefined {
  const [path, hash, narSize, deriver, count, ...references] = text.split('\n')
  if (path === undefined || path === '') return undefined
  const referenceCount = Number(count)
  if (hash === undefined || !/^[0-9]+$/.test(narSize ?? '') || !(referenceCount <= references.length)) {
    throw new DockerToolsError('FORMAT_INVALID', 'Cannot read the answer of nix-store: it should be a registration')
  }
  return {
    path: parseStorePath(path, storeDir),
    narHash: parseHash(hash, 'sha256'),
    narSize: Number(narSize),
    references: references
      .slice(0, referenceCount)
      .map((reference) => parseStorePath(reference, storeDir))
      .toSorted(compareStorePaths),
    ...(deriver === undefined || deriver === '' ? {} : { deriver: parseStorePath(deriver, storeDir) }),
    signatures: [],
  }
}

function runNixStore(
  args: readonly string[],
  { environment = process.env, signal }: StoreOptions,
): Promise<{ output: string } | { reason: string }> {
  return new Promise((resolve, reject) => {
    const settings = { env: environment, maxBuffer: MAX_ANSWER_BYTES, ...(signal === undefined ? {} : { signal }) }
    execFile('nix-store', args, settings, (error, output, errorOutput) => {
      if (error === null) return resolve({ output })
      if (signal?.aborted === true) {
        return reject(
          new DockerToolsError('INTERRUPTED', 'Cannot ask nix-store: the work was stopped', { cause: error }),
        )
      }
      if (systemErrorCode(error) === 'ENOENT') return resolve({ reason: 'there is no program nix-store to ask' })
      const lastLine = errorOutput.trimEnd().split('\n').at(-1) ?? ''
      return resolve({ reason: `nix-store answers ${JSON.stringify(lastLine.slice(0, 300))}` })
    })
  })
}
