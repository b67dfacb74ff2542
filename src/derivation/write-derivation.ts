import { DockerToolsError } from '#errors'
import { DEFAULT_STORE_DIR, hashBytes, makeFixedOutputPath, makeOutputPath, makeTextPath, type StorePath } from '#store'
import type { Derivation } from './derivation.ts'
import type { DerivationSpec } from './derivation-spec.ts'
import { encodeDerivation } from './encode-derivation.ts'
import { type DerivationIdentity, hashDerivationModulo, identifyDerivation } from './hash-derivation-modulo.ts'

/** A derivation with everything that follows from it. */
export interface WrittenDerivation {
  /** Of the `.drv` file. */
  readonly path: StorePath
  /** Content of the `.drv` file, to be written as UTF-8. */
  readonly text: string
  /** By name. */
  readonly outputs: ReadonlyMap<string, StorePath>
  /** What the `.drv` file refers to. */
  readonly references: readonly StorePath[]
  /** What it counts as where it is an input. */
  readonly identity: DerivationIdentity
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
  const inputs = spec.inputDerivations ?? []
  const identities = new Map(inputs.map(({ path, identity }) => [path, identity]))
  const masked = assemble(spec, new Map(names.map((name) => [name, ''])))
  const paths = resolveOutputs(spec, names, masked, identities, storeDir)
  const derivation = assemble(spec, paths)
  const text = encodeDerivation(derivation)
  const references = [...spec.inputSources, ...derivation.inputDerivations.keys()]
  return {
    path: makeTextPath(`${spec.name}.drv`, hashBytes('sha256', text), references, storeDir),
    text,
    outputs: paths,
    references,
    identity: identifyDerivation(derivation, identities),
  }
}

function resolveOutputs(
  spec: DerivationSpec,
  names: readonly string[],
  masked: Derivation,
  identities: ReadonlyMap<StorePath, DerivationIdentity>,
  storeDir: string,
): Map<string, StorePath> {
  const { fixed, name: baseName } = spec
  if (fixed !== undefined) {
    return new Map([['out', makeFixedOutputPath(fixed.ingestion, fixed.hash, baseName, {}, storeDir)]])
  }
  const hash = hashDerivationModulo(masked, identities)
  return new Map(names.map((name) => [name, makeOutputPath(name, hash, baseName, storeDir)]))
}

function assemble(spec: DerivationSpec, paths: ReadonlyMap<string, StorePath | ''>): Derivation {
  const { name, system, builder, args, inputSources, fixed } = spec
  const inputDerivations = new Map<StorePath, string[]>()
  for (const { path, outputs } of spec.inputDerivations ?? []) {
    inputDerivations.set(path, [...(inputDerivations.get(path) ?? []), ...outputs])
  }
  return {
    outputs: new Map([...paths].map(([output, path]) => [output, { path, ...(fixed === undefined ? {} : { fixed }) }])),
    inputDerivations,
    inputSources,
    system,
    builder,
    args,
    env: new Map(Object.entries({ ...spec.env, name, system, builder, ...Object.fromEntries(paths) })),
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
  if (spec.fixed !== undefined && (outputs.length > 1 || outputs[0] !== 'out')) {
    throw invalid(spec, 'its content is fixed, its only output should be "out"')
  }
  const unused = spec.inputDerivations?.find((input) => input.outputs.length === 0)
  if (unused !== undefined) throw invalid(spec, `it uses no output of "${unused.path}", it should use at least one`)
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
