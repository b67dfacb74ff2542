import { basename, resolve } from 'node:path'
import { DockerToolsError, IntegrityError } from '#errors'
import {
  closure,
  formatHash,
  openStore,
  openStores,
  openWritableStore,
  parseStorePath,
  type PathInfo,
  type Store,
  type StoreOptions,
  type StorePath,
  type WritableStore,
} from '#store'
import { type CommandInput, switchOption, textOption, textOptions } from './command.ts'
import { defaultStores, defaultTarget } from './default-stores.ts'
import { printOut } from './print-out.ts'

/** Adds files and trees, and prints their store paths in the order they were given. */
export async function storeAdd(input: CommandInput): Promise<void> {
  const name = textOption(input, 'name')
  requireOne(input, 'name')
  requireOne(input, 'root')
  await using store = openTarget(input, 'store')
  const added: { path: StorePath; source: string }[] = []
  for (const source of input.positionals) {
    const path = await store.addLocal(source, name ?? basename(resolve(source)))
    added.push({ path, source })
  }
  await makeRoot(input, store, added[0]!.path)
  const facts = await Promise.all(
    added.map(async ({ path, source }) => ({ ...describe(await store.pathInfo(path)), source })),
  )
  print(
    input,
    facts,
    added.map(({ path }) => path),
  )
}

/** Prints what a store knows of paths. */
export async function storeInfo(input: CommandInput): Promise<void> {
  const store = await openSource(input)
  const infos: PathInfo[] = []
  for (const text of input.positionals) infos.push(await store.pathInfo(parseStorePath(text, store.dir)))
  print(input, infos.map(describe), infos.flatMap(infoLines))
}

/** Prints paths with all they refer to: as JSON, a graph that `layers` takes. */
export async function storeClosure(input: CommandInput): Promise<void> {
  const store = await openSource(input)
  const graph = await closure(store, parsePaths(input, store))
  const facts = graph.map((node) => ({ ...node, narHash: formatHash(node.narHash, 'sri') }))
  print(
    input,
    facts,
    graph.map(({ path }) => path),
  )
}

/** Compares a store with its database; prints what is wrong. */
export async function storeVerify(input: CommandInput): Promise<void> {
  await using store = openTarget(input, 'store')
  const { pathCount, faults } = await store.verify({ checksContents: switchOption(input, 'check-contents') })
  print(
    input,
    { pathCount, faults },
    faults.map(({ message }) => message),
  )
  if (faults.length === 0) return
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot vouch for store "${store.uri}": ${faults.length} of its ${pathCount} paths are not as they are registered, all should be`,
    { expected: '0', actual: String(faults.length), hint: 'Collect garbage, or copy the paths into a new store' },
  )
}

/** Deletes what no root reaches; prints it. */
export async function storeGc(input: CommandInput): Promise<void> {
  await using store = openTarget(input, 'store')
  const result = await store.collectGarbage({ isDryRun: switchOption(input, 'dry-run') })
  print(input, result, result.paths)
}

/** Copies paths with all they refer to; prints those that were not there. */
export async function storeCopy(input: CommandInput): Promise<void> {
  const from = textOption(input, 'from')
  if (from !== undefined && textOptions(input, 'store').length > 0) {
    throw new DockerToolsError('USAGE', 'Cannot use "--from" with "--store": both say where to copy from')
  }
  requireOne(input, 'root')
  const source = from === undefined ? await openSource(input) : await openStore(from, storeOptionsOf(input))
  await using store = openTarget(input, 'to')
  const paths = parsePaths(input, source)
  const result = await store.copyClosure(source, paths)
  await makeRoot(input, store, paths[0]!)
  print(input, result, result.copied)
}

/** The store to write to: as the option says, else the first of `DOCKERTOOLS_STORE` that can be written, else `local`. */
function openTarget(input: CommandInput, option: 'store' | 'to'): WritableStore {
  const [given, ...more] = option === 'store' ? textOptions(input, 'store') : [textOption(input, 'to')]
  if (more.length > 0) throw new DockerToolsError('USAGE', 'Cannot use "--store" twice here: one store is written to')
  return openWritableStore(given ?? defaultTarget())
}

async function openSource(input: CommandInput): Promise<Store> {
  const given = textOptions(input, 'store')
  return await openStores(given.length > 0 ? given : defaultStores(), storeOptionsOf(input))
}

function storeOptionsOf(input: CommandInput): StoreOptions {
  return {
    trustedPublicKeys: textOptions(input, 'trusted-public-key'),
    checkSignatures: !switchOption(input, 'no-check-signatures'),
  }
}

function parsePaths(input: CommandInput, store: Store): StorePath[] {
  return input.positionals.map((text) => parseStorePath(text, store.dir))
}

function requireOne(input: CommandInput, option: string): void {
  if (textOption(input, option) === undefined || input.positionals.length === 1) return
  throw new DockerToolsError('USAGE', `Cannot use "--${option}" with ${input.positionals.length} paths: it is for one`)
}

async function makeRoot(input: CommandInput, store: WritableStore, path: StorePath): Promise<void> {
  const link = textOption(input, 'root')
  if (link !== undefined) await store.addRoot(link, path)
}

/** The facts as `nix path-info --json` names them. */
function describe(info: PathInfo): Readonly<Record<string, unknown>> {
  const { path, narSize, references, deriver, signatures, contentAddress } = info
  return {
    path,
    narHash: formatHash(info.narHash, 'sri'),
    narSize,
    references,
    ...(deriver === undefined ? {} : { deriver }),
    ...(signatures.length === 0 ? {} : { signatures }),
    ...(contentAddress === undefined ? {} : { ca: contentAddress }),
  }
}

function infoLines(info: PathInfo): string[] {
  return [
    info.path,
    `  NAR hash: ${formatHash(info.narHash, 'sri')}`,
    `  NAR size: ${info.narSize}`,
    ...(info.deriver === undefined ? [] : [`  deriver: ${info.deriver}`]),
    ...(info.contentAddress === undefined ? [] : [`  content address: ${info.contentAddress}`]),
    ...info.references.map((reference) => `  refers to: ${reference}`),
    ...info.signatures.map((signature) => `  signature: ${signature}`),
  ]
}

function print(input: CommandInput, value: unknown, lines: readonly string[]): void {
  if (switchOption(input, 'json')) printOut(`${JSON.stringify(value)}\n`)
  else printOut(lines.map((line) => `${line}\n`).join(''))
}
