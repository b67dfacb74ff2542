import { lstatSync } from 'node:fs'
import { DockerToolsError } from '#errors'
import { type BuilderCommand, type BuilderPlace, runBuilder, type StoreBind } from '#runner'
import { encodeNix32, hashBytes, type Store, type StorePath } from '#store'
import { fetchFile, isFetch } from './fetch-file.ts'
import type { Instance } from './instance.ts'
import { placeholder } from './placeholder.ts'
import type { Workplace } from './realise-instance.ts'
import type { RealiseSession } from './realisable.ts'
import { thisSystem } from './this-system.ts'

/** Variables by which Nix is asked for what is not built here. They must not be ignored. */
const UNSUPPORTED = [
  '__structuredAttrs',
  '__contentAddressed',
  '__impure',
  '__noChroot',
  'exportReferencesGraph',
  'outputChecks',
  'allowedReferences',
  'allowedRequisites',
  'disallowedReferences',
  'disallowedRequisites',
]

/**
 * Runs the builder of a derivation as Nix's sandbox does.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `NOT_IMPLEMENTED` for what only Nix does; `STORE_UNAVAILABLE`, `INTERRUPTED`.
 */
export async function runDerivation(session: RealiseSession, instance: Instance, place: Workplace): Promise<void> {
  const { spec, written } = instance
  if (isFetch(spec)) {
    await fetchFile(session, spec, place, place.placeOf(written.outputs.get('out')!))
    return
  }
  checkSupported(instance)
  await runBuilder({
    step: `the builder of "${spec.name}"`,
    command: (where) => commandOf(instance, session.store.dir, where),
    storeDir: session.store.dir,
    outputsFolder: place.outputsFolder,
    buildFolder: place.buildFolder,
    scratch: place.scratch,
    inputs: await session.all(place.visible.map((path) => bindOf(session.writable, path))),
    hasNetwork: spec.fixed !== undefined,
    timeLimitSeconds: session.timeLimitSeconds,
    signal: session.signal,
  })
}

/** The place of an input on disk. */
export async function bindOf(store: Store, logical: StorePath): Promise<StoreBind> {
  const physical = await store.realPath(logical)
  if (physical === undefined) {
    throw new DockerToolsError('INTERNAL', `Cannot show "${logical}" to a builder: it is not on disk, it should be`)
  }
  const stats = lstatSync(physical)
  return { logical, physical, kind: stats.isSymbolicLink() ? 'symlink' : stats.isDirectory() ? 'directory' : 'file' }
}

function checkSupported({ spec }: Instance): void {
  const asked = UNSUPPORTED.find((name) => Object.hasOwn(spec.env, name))
  if (asked !== undefined) {
    throw new DockerToolsError(
      'NOT_IMPLEMENTED',
      `Cannot build "${spec.name}": it uses "${asked}", which only Nix knows`,
      {
        hint: 'Let an installed Nix build it with --builder nix',
      },
    )
  }
  if (spec.system !== thisSystem()) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot build "${spec.name}": it is for the system "${spec.system}", it should be for "${thisSystem()}", which this machine is`,
      { hint: 'Let an installed Nix with a remote builder build it with --builder nix' },
    )
  }
  if (spec.builder.startsWith('/')) return
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot build "${spec.name}": its builder is ${JSON.stringify(spec.builder)}, it should be an absolute path`,
  )
}

/**
 * What is run: with the variables that Nix gives every builder, then the derivation's own.
 *
 * @see nix `src/libstore/build/local-derivation-goal.cc`, `initEnv`
 */
function commandOf({ spec, written }: Instance, storeDir: string, place: BuilderPlace): BuilderCommand {
  const { buildFolder } = place
  const outputs = new Map([...written.outputs].map(([name, path]) => [name, place.placeOf(path)]))
  const fill = fillPlaceholders(outputs)
  const passed = new Map<string, string>()
  const own: Record<string, string> = {}
  const inFiles = new Set((spec.env['passAsFile'] ?? '').split(/\s+/))
  const all = { ...spec.env, name: spec.name, system: spec.system, builder: spec.builder }
  for (const [name, value] of Object.entries(all)) {
    if (!inFiles.has(name)) own[name] = fill(value)
    else {
      const file = `.attr-${encodeNix32(hashBytes('sha256', name).bytes)}`
      passed.set(file, fill(value))
      own[`${name}Path`] = `${buildFolder}/${file}`
    }
  }
  for (const name of spec.fixed === undefined ? [] : (spec.env['impureEnvVars'] ?? '').split(/\s+/)) {
    if (name !== '') own[name] = process.env[name] ?? ''
  }
  const env = {
    PATH: '/path-not-set',
    HOME: '/homeless-shelter',
    NIX_STORE: storeDir,
    NIX_BUILD_CORES: '1',
    ...own,
    ...Object.fromEntries(outputs),
    NIX_BUILD_TOP: buildFolder,
    TMPDIR: buildFolder,
    TEMPDIR: buildFolder,
    TMP: buildFolder,
    TEMP: buildFolder,
    PWD: buildFolder,
    ...(spec.fixed === undefined ? {} : { NIX_OUTPUT_CHECKED: '1' }),
    NIX_LOG_FD: '2',
    TERM: 'xterm-256color',
  }
  return { program: fill(spec.builder), args: spec.args.map(fill), env, files: passed }
}

function fillPlaceholders(outputs: ReadonlyMap<string, string>): (text: string) => string {
  const pairs = [...outputs].map(([name, path]) => [placeholder(name), path] as const)
  return (text) => pairs.reduce((filled, [from, to]) => filled.replaceAll(from, to), text)
}
