import { DockerToolsError } from '#errors'
import type { Registration } from './local-database.ts'
import type { StorePath } from './store-path.ts'

/**
 * Refuses outputs that no store should hold: that refer to each other in a
 * circle, or to anything where the path follows from the content alone.
 *
 * @throws {DockerToolsError} `OUTPUT_INVALID`.
 */
export function checkOutputReferences(outputs: readonly Registration[]): void {
  const references = new Map(outputs.map((output) => [output.path, output.references]))
  for (const { path, contentAddress } of outputs) {
    const [first] = references.get(path) ?? []
    if (contentAddress !== undefined && first !== undefined) {
      throw invalid(path, `it refers to "${first}", it should refer to nothing, as its content is fixed`)
    }
    const reached = new Set<StorePath>()
    const pending = others(references, path)
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (reached.has(next)) continue
      reached.add(next)
      if (others(references, next).includes(path)) {
        throw invalid(path, `it and "${next}" refer to each other in a circle, outputs should not`)
      }
      pending.push(...others(references, next))
    }
  }
}

/** To itself, each may refer. */
function others(references: ReadonlyMap<StorePath, readonly StorePath[]>, path: StorePath): StorePath[] {
  return (references.get(path) ?? []).filter((reference) => reference !== path && references.has(reference))
}

function invalid(path: StorePath, fault: string): DockerToolsError {
  return new DockerToolsError('OUTPUT_INVALID', `Cannot register "${path}": ${fault}`)
}
