import { report } from '#events'
import { compareStorePaths, isStorePath, scanReferences, type StorePath, storePathHash } from '#store'
import { findPlaceholders, replacePlaceholders } from './placeholder.ts'
import type { Realisable, RealiseSession } from './realisable.ts'

/** What texts of a definition use. */
export interface UsedTexts {
  /** What their placeholders stand for, each once. */
  readonly values: ReadonlyMap<Realisable, StorePath>
  /** Paths that are written out in them and that a store has, sorted. */
  readonly literals: readonly StorePath[]
  /** A text with the paths in place of the placeholders. */
  readonly replace: (text: string) => string
}

/**
 * Finds what texts use: outputs by their placeholders, and store paths that
 * are written out. One that no store has is reported and otherwise ignored.
 *
 * @param what Names the texts in the report.
 * @param ignored Store paths that are no use of them where they are written out.
 */
export async function resolveTexts(
  session: RealiseSession,
  texts: readonly string[],
  what: string,
  ignored: readonly StorePath[] = [],
): Promise<UsedTexts> {
  const placeholders = new Map<string, Realisable>()
  for (const text of texts) for (const [found, value] of findPlaceholders(text)) placeholders.set(found, value)
  const values = new Map<Realisable, StorePath>()
  const paths = new Map<string, string>()
  await session.all(
    [...placeholders].map(async ([found, value]) => {
      const path = await session.outPath(value)
      values.set(value, path)
      paths.set(found, path)
    }),
  )
  return {
    values,
    literals: await findLiterals(session, texts, what, ignored),
    replace: (text) => replacePlaceholders(text, paths),
  }
}

async function findLiterals(
  session: RealiseSession,
  texts: readonly string[],
  what: string,
  ignored: readonly StorePath[],
): Promise<StorePath[]> {
  const { store } = session
  const bytes = texts.filter((text) => text.includes(`${store.dir}/`)).map((text) => Buffer.from(`${text}\0`))
  if (bytes.length === 0) return []
  const found = await scanReferences(stream(bytes), { storeDir: store.dir, knownHashParts: new Set() })
  const literals = new Set<StorePath>()
  const ignoredHashParts = new Set(ignored.map(storePathHash))
  for (const text of found.texts) {
    const hashPart = text.slice(store.dir.length + 1, store.dir.length + 33)
    if (ignoredHashParts.has(hashPart)) continue
    const path = isStorePath(text, store.dir) && (await store.has(text)) ? text : await store.findByHashPart(hashPart)
    if (path !== undefined) literals.add(path)
    else {
      const message = `${what} names "${text}", which no store has; it is ignored`
      report({ type: 'warning', code: 'REFERENCE_UNKNOWN', message })
    }
  }
  return [...literals].toSorted(compareStorePaths)
}

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
