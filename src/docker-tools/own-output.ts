import { placeholderOf, type Realisable, type Realisation, REALISE } from '#derivation'
import { DockerToolsError, fullDiskError } from '#errors'
import { report } from '#events'
import type { StorePath } from '#store'
import { type BuildContext, contextOf } from './build-context.ts'
import { firstDifference } from './first-difference.ts'

/** An output of one of our own derivations. */
export interface OwnOutput {
  /** For messages. */
  readonly name: string
  /** Where the path follows from the content: what the store writes down of that, `fixed:sha256:…`. */
  readonly contentAddress?: string
  /** Where it belongs, as its inputs tell. */
  outPath(context: BuildContext): Promise<StorePath>
  /**
   * Has everything made that it is made of.
   *
   * @param isRebuild Whether the parts of it that are outputs of ours are to be made again and compared as well.
   */
  prepare(context: BuildContext, isRebuild: boolean): Promise<unknown>
  /**
   * Makes it, and nothing else: the lock is held that keeps other processes
   * from making it, and paths share such locks.
   *
   * @param place Where nothing is yet.
   * @param isRebuild Whether what stores have of it is to be left aside.
   * @returns The store paths it refers to.
   */
  make(place: string, context: BuildContext, isRebuild: boolean): Promise<readonly StorePath[]>
}

/** How sessions make an output of ours. */
export function ownRealisation(output: OwnOutput): Realisation {
  return {
    name: output.name,
    outPath: (session) => output.outPath(contextOf(session)),
    realise: (session, { isRebuild }) => realiseOwn(output, contextOf(session), isRebuild),
  }
}

/** An output of ours by itself. */
export function ownRealisable(output: OwnOutput): Realisable {
  const value: Realisable = { [REALISE]: ownRealisation(output), toString: () => placeholderOf(value) }
  return value
}

async function realiseOwn(output: OwnOutput, context: BuildContext, isRebuild: boolean): Promise<StorePath> {
  const path = await output.outPath(context)
  const { session, signal } = context
  signal?.throwIfAborted()
  if (!(await session.store.has(path))) await makeFirst(output, path, context)
  // A binary cache may have it: from there it comes with all it refers to.
  else await session.bring([path])
  if (isRebuild) await makeAgain(output, path, context)
  return path
}

async function makeFirst(output: OwnOutput, path: StorePath, context: BuildContext): Promise<void> {
  const { session } = context
  await output.prepare(context, false)
  // Another process may want the same: whoever comes later finds it made. That the store can be written is known from here.
  using _lock = await session.writable.lock(path)
  if ((await session.writable.keep([path])).length === 0) return
  const place = await session.writable.scratchPath()
  const references = await makeAt(place, output, path, context, false)
  context.signal?.throwIfAborted()
  context.sources.assertUnchanged()
  await session.bring(references)
  const { contentAddress } = output
  const made = { path, physicalTemp: place, ...(contentAddress === undefined ? {} : { contentAddress }) }
  await session.writable.registerOutputs([made], { known: references })
}

/** Makes it at another place, and compares. */
async function makeAgain(output: OwnOutput, path: StorePath, context: BuildContext): Promise<void> {
  const { writable } = context.session
  await output.prepare(context, true)
  const place = await writable.scratchPath()
  await makeAt(place, output, path, context, true)
  const difference = await firstDifference((await writable.realPath(path)) ?? path, place)
  if (difference === undefined) return
  throw new DockerToolsError('NOT_REPRODUCIBLE', `Cannot build "${path}" again with the same result: ${difference}`, {
    hint: 'The store keeps what was built first',
  })
}

async function makeAt(
  place: string,
  output: OwnOutput,
  path: StorePath,
  context: BuildContext,
  isRebuild: boolean,
): Promise<readonly StorePath[]> {
  report({ type: 'building', path })
  try {
    return await output.make(place, context, isRebuild)
  } catch (error) {
    throw fullDiskError(`build "${path}"`, error)
  }
}
