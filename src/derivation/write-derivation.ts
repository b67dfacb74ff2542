import { DockerToolsError } from '#errors'
import { DEFAULT_STORE_DIR, hashBytes, makeOutputPath, makeTextPath, type StorePath } from '#store'
import type { DerivationSpec } from './derivation-spec.ts'
import { encodeDerivation } from './encode-derivation.ts'

/** A derivation with everything that follows from it. */
export interface WrittenDerivation {
  /** Of the `.drv` file. */
  readonly path: StorePath
  /** Content of the `.drv` file, to be written as UTF-8. */
  readonly text: string
  /** By name. */
  readonly outputs: ReadonlyMap<string, StorePath>
}

/**
 * Computes a derivation's `.drv` file and where it and its outputs belong, as
 * Nix would for the same derivation.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` for a variable that stands
 *   for something else, outputs that are no names, or text that is no Unicode;
 *   `STORE_PATH_INVALID` for a name no store path can have.
 */
export function writeDerivation(spec: DerivationSpec, storeDir: string = DEFAULT_STORE_DIR): WrittenDerivation {
  const names = spec.outputs ?? ['out']
  checkSpec(spec, names)
  const masked = encodeDerivation(spec, new Map(names.map((name) => [name, ''])))
  const derivationHash = hashBytes('sha256', masked)
  const outputs = new Map(names.map((name) => [name, makeOutputPath(name, derivationHash, spec.name, storeDir)]))
  const text = encodeDerivation(spec, outputs)
  return {
    path: makeTextPath(`${spec.name}.drv`, hashBytes('sha256', text), spec.inputSources, storeDir),
    text,
    outputs,
  }
}

function checkSpec(spec: DerivationSpec, outputs: readonly string[]): void {
  if (spec.name.endsWith('.drv')) throw invalid(spec, 'its name ends in ".drv", which only derivation files should')
  if (outputs.length === 0 || new Set(outputs).size !== outputs.length) {
    throw invalid(spec, 'it should have at least one output, and every output once')
  }
  // `drv` would be taken for the derivation itself.
  const bad = outputs.find((output) => !/^[0-9A-Za-z+._?=-]+$/.test(output) || output === 'drv')
  if (bad !== undefined) throw invalid(spec, `${JSON.stringify(bad)} should be the name of an output`)
  const added = new Set([...outputs, 'name', 'system', 'builder'])
  const taken = Object.keys(spec.env).find((name) => added.has(name))
  if (taken !== undefined) throw invalid(spec, `its variable "${taken}" is given, though it is set by itself`)
  const texts = [spec.name, spec.system, spec.builder, ...spec.args, ...Object.entries(spec.env).flat()]
  const broken = texts.find((text) => !text.isWellFormed() || text.includes('\0'))
  if (broken !== undefined) {
    throw invalid(spec, `${JSON.stringify(broken.slice(0, 200))} should be Unicode text without NUL`)
  }
}

function invalid(spec: DerivationSpec, fault: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot make derivation ${JSON.stringify(spec.name)}: ${fault}`)
}
