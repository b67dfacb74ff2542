import { lstatSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DockerToolsError } from '#errors'
import { formatHash, type NewOutput, type StorePath } from '#store'
import { checkFixedContent } from './check-fixed-content.ts'
import type { Instance } from './instance.ts'

/**
 * What a builder made, checked: every output is there, nothing else is, and
 * what has to have a known content has it.
 *
 * @param visible Paths that may have mount points in the folder.
 * @throws {DockerToolsError} `OUTPUT_INVALID`.
 * @throws {IntegrityError} `DIGEST_MISMATCH`.
 */
export async function collectOutputs(
  { spec, written }: Instance,
  outputsFolder: string,
  visible: readonly StorePath[],
): Promise<NewOutput[]> {
  const collected: NewOutput[] = []
  for (const [name, path] of written.outputs) {
    const physicalTemp = join(outputsFolder, basename(path))
    if (lstatSync(physicalTemp, { throwIfNoEntry: false }) === undefined) {
      throw invalid(spec.name, `its builder ended well without making the output "${name}"`, `make "${path}"`)
    }
    if (spec.fixed === undefined) collected.push({ path, physicalTemp })
    else {
      await checkFixedContent(spec.name, physicalTemp, spec.fixed)
      const method = spec.fixed.ingestion === 'nar' ? 'r:' : ''
      const { hash } = spec.fixed
      const contentAddress = `fixed:${method}${hash.algorithm}:${formatHash(hash, 'nix32')}`
      collected.push({ path, physicalTemp, contentAddress })
    }
  }
  const expected = new Set([...written.outputs.values(), ...visible].map((path) => basename(path)))
  const stray = readdirSync(outputsFolder).find((entry) => !expected.has(entry))
  if (stray === undefined) return collected
  throw invalid(spec.name, `its builder wrote ${JSON.stringify(stray)} into the store`, 'write its outputs only')
}

function invalid(name: string, fault: string, should: string): DockerToolsError {
  return new DockerToolsError('OUTPUT_INVALID', `Cannot build "${name}": ${fault}, it should ${should}`)
}
