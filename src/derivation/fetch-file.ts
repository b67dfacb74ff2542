import { createWriteStream, readdirSync } from 'node:fs'
import { chmod, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DockerToolsError, TransferError } from '#errors'
import { openUrl } from '#http'
import type { DerivationSpec } from './derivation-spec.ts'
import type { RealiseSession } from './realisable.ts'
import type { Workplace } from './realise-instance.ts'
import { unpackArchive } from './unpack-archive.ts'

/** Larger than any file there is a sense in fetching; a body that does not end must not fill the disk. */
const MAX_FETCHED_BYTES = 64 * 1024 ** 3

/** Whether a derivation is one that this file makes: Nix's own, or ours, which unpacks. */
export function isFetch({ builder, env }: DerivationSpec): boolean {
  return builder === 'builtin:fetchurl' || (builder === 'builtin:dockertools' && env['function'] === 'fetchurl')
}

/**
 * Does what Nix's `builtin:fetchurl` does: puts what a URL gives into a file.
 * Where there are several URLs, the next is asked where one fails. The content
 * is checked afterwards, like that of everything whose content is fixed.
 *
 * @param target Where the output is to be.
 * @throws {TransferError} `TRANSFER_FAILED`, the last one.
 */
export async function fetchFile(
  session: RealiseSession,
  spec: DerivationSpec,
  place: Workplace,
  target: string,
): Promise<void> {
  const { name, env, builder } = spec
  if (builder === 'builtin:dockertools') {
    const archive = join(place.buildFolder, 'archive')
    await fetchFromAny(session, spec, archive)
    await unpackTo(name, archive, target, place, env['stripRoot'] === '1')
    return
  }
  if (env['unpack'] === '1') {
    const hint = 'Let an installed Nix build it with --builder nix'
    throw new DockerToolsError('NOT_IMPLEMENTED', `Cannot build "${name}": it unpacks a NAR, which only Nix does`, {
      hint,
    })
  }
  await fetchFromAny(session, spec, target)
  if (env['executable'] === '1') await chmod(target, 0o755)
}

/** With what is in the archive's one folder as the output, or all that is in it. */
async function unpackTo(
  name: string,
  archive: string,
  target: string,
  place: Workplace,
  stripsRoot: boolean,
): Promise<void> {
  const unpacked = join(place.buildFolder, 'unpacked')
  await unpackArchive(archive, unpacked)
  if (!stripsRoot) {
    await rename(unpacked, target)
    return
  }
  const [only, ...others] = readdirSync(unpacked, { encoding: 'buffer' })
  if (only === undefined || others.length > 0) {
    throw new DockerToolsError(
      'OUTPUT_INVALID',
      `Cannot build "${name}": the archive has ${only === undefined ? 'nothing' : `${others.length + 1} files or folders`} at its root, it should have one`,
      { hint: 'With stripRoot = false all of them are taken' },
    )
  }
  await rename(Buffer.concat([Buffer.from(`${unpacked}/`), only]), target)
}

async function fetchFromAny(session: RealiseSession, { name, env }: DerivationSpec, target: string): Promise<void> {
  const urls = [...(env['urls'] ?? '').split(/\s+/), env['url'] ?? ''].filter((url) => url !== '')
  let failure: unknown
  for (const url of new Set(urls)) {
    try {
      await fetchTo(url, target, session.signal)
      return
    } catch (error) {
      if (!(error instanceof TransferError)) throw error
      failure = error
    }
  }
  throw (
    failure ?? new DockerToolsError('DEFINITION_INVALID', `Cannot build "${name}": it has no URL, it should have one`)
  )
}

async function fetchTo(url: string, target: string, signal: AbortSignal | undefined): Promise<void> {
  await using answer = await openUrl(url, {
    maxBytes: MAX_FETCHED_BYTES,
    ...(signal === undefined ? {} : { signal }),
  })
  await pipeline(answer.body, createWriteStream(target))
}
