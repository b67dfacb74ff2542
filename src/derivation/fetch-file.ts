import { chmod } from 'node:fs/promises'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { DockerToolsError, TransferError } from '#errors'
import { openUrl } from '#http'
import type { DerivationSpec } from './derivation-spec.ts'
import type { RealiseSession } from './realisable.ts'

/**
 * Does what Nix's `builtin:fetchurl` does: puts what a URL gives into a file.
 * Where there are several URLs, the next is asked where one fails. The content
 * is checked afterwards, like that of everything whose content is fixed.
 *
 * @throws {TransferError} `TRANSFER_FAILED`, the last one.
 */
export async function fetchFile(session: RealiseSession, { name, env }: DerivationSpec, target: string): Promise<void> {
  if (env['unpack'] === '1') {
    throw new DockerToolsError(
      'NOT_IMPLEMENTED',
      `Cannot build "${name}": unpacking a NAR while fetching is not built yet`,
    )
  }
  const urls = [...(env['urls'] ?? '').split(/\s+/), env['url'] ?? ''].filter((url) => url !== '')
  let failure: unknown
  for (const url of new Set(urls)) {
    try {
      await fetchTo(url, target, session.signal)
      if (env['executable'] === '1') await chmod(target, 0o755)
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
  await using answer = await openUrl(url, signal === undefined ? {} : { signal })
  await pipeline(answer.body, createWriteStream(target))
}
