import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_CODES, type ErrorCode } from '#errors'
import { listTar } from '../support/list-tar.ts'
import type { Bench, CliOptions, CliResult } from '../support/run-cli.ts'

/** What a definition has to come to. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: RegExp
  /** For messages of the original, which have their own grammar. */
  readonly isUpstreamText?: boolean
}

/**
 * Streams a definition and builds it, and holds both against what the contract
 * promises of a failure: one clear error with its code, the exit status of that code, no
 * archive that could be taken for whole, nothing under the result's name, no temporary files.
 */
export async function expectRefusal(
  bench: Bench,
  definition: unknown,
  args: readonly string[],
  refusal: Refusal,
  options: CliOptions = {},
): Promise<void> {
  const text = typeof definition === 'string' ? definition : JSON.stringify(definition)
  const [file, archiveFile] = [join(bench.path, 'image.json'), join(bench.path, 'archive-image.json')]
  writeFileSync(file, text)
  writeFileSync(archiveFile, text.replace('"streamLayeredImage"', '"buildLayeredImage"'))
  const output = join(bench.path, 'result', 'image.tar')
  const common = ['--log-format=json', ...args]
  const [streamed, built] = await Promise.all([
    bench.run(['stream', file, ...common], options),
    bench.run(['build', archiveFile, '-o', output, ...common], options),
  ])
  assertFailed(streamed, refusal)
  assertFailed(built, refusal)
  assert.equal(built.stdout.length, 0, 'build prints no result')
  assert.equal(listTar(streamed.stdout).hasEndMarker, false, 'the stream has no end-of-archive marker')
  assert.equal(existsSync(output), false, 'nothing has the final name')
  assert.deepEqual(readdirSync(join(bench.path, 'result')), [], 'nothing lies beside the result')
  assert.deepEqual(bench.leftovers(), [], 'no temporary files')
}

/** One clear error: the exit status of its code, and one line that tells it. */
export function assertFailed(result: CliResult, { code, message, isUpstreamText = false }: Refusal): void {
  const lines = result.stderr.trimEnd().split('\n')
  const events = lines.map((line) => JSON.parse(line) as { type: string; code?: string; message?: string })
  const errors = events.filter((event) => event.type === 'error')
  assert.equal(errors.length, 1, result.stderr)
  const [error] = errors
  assert.equal(error?.code, code, result.stderr)
  assert.match(error?.message ?? '', message)
  if (!isUpstreamText) assert.match(error?.message ?? '', /^Cannot [^\n]*[^.\n](\n|$)/)
  assert.equal(result.status, ERROR_CODES[code][0], result.stderr)
  assert.equal(result.signal, null)
}
