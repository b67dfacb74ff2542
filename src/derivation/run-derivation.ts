import { lstatSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError } from '#errors'
import { runBuilder, type StoreBind } from '#runner'
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
const BUILD_FOLDER = '/build'

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
  const { passed, env } = await fillEnvironment(instance, session.store.dir)
  for (const [file, content] of passed) await writeFile(join(place.buildFolder, file), content)
  const fill = fillPlaceholders(written.outputs)
  await runBuilder({
    step: `the builder of "${spec.name}"`,
    program: fill(spec.builder),
    args: spec.args.map(fill),
    env,
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
 * The variables that Nix gives every builder, then the derivation's own.
 *
 * @see nix `src/libstore/build/local-derivation-goal.cc`, `initEnv`
 */
async function fillEnvironment(
  { spec, written }: Instance,
  storeDir: string,
): Promise<{ readonly passed: ReadonlyMap<string, string>; readonly env: Record<string, string> }> {
  const fill = fillPlaceholders(written.outputs)
  const passed = new Map<string, string>()
  const own: Record<string, string> = {}
  const inFiles = new Set((spec.env['passAsFile'] ?? '').split(/\s+/))
  const all = { ...spec.env, name: spec.name, system: spec.system, builder: spec.builder }
  for (const [name, value] of Object.entries(all)) {
    if (!inFiles.has(name)) own[name] = fill(value)
    else {
      const file = `.attr-${encodeNix32(hashBytes('sha256', name).bytes)}`
      passed.set(file, fill(value))
      own[`${name}Path`] = `${BUILD_FOLDER}/${file}`
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
    ...Object.fromEntries(written.outputs),
    NIX_BUILD_TOP: BUILD_FOLDER,
    TMPDIR: BUILD_FOLDER,
    TEMPDIR: BUILD_FOLDER,
    TMP: BUILD_FOLDER,
    TEMP: BUILD_FOLDER,
    PWD: BUILD_FOLDER,
    ...(spec.fixed === undefined ? {} : { NIX_OUTPUT_CHECKED: '1' }),
    NIX_LOG_FD: '2',
    TERM: 'xterm-256color',
  }
  return { passed, env }
}

function fillPlaceholders(outputs: ReadonlyMap<string, StorePath>): (text: string) => string {
  const pairs = [...outputs].map(([name, path]) => [placeholder(name), path] as const)
  return (text) => pairs.reduce((filled, [from, to]) => filled.replaceAll(from, to), text)
}
