import { existsSync, globSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'
import type { TarRow } from '../support/list-tar.ts'

/** A recorded case, as `golden/README.md` beside the vectors describes it. */
export interface GoldenCase {
  readonly case: string
  readonly function: 'streamFromConf' | 'streamLayeredImage' | 'buildLayeredImage'
  readonly layering?: 'popularity' | 'auto' | 'pipeline'
  readonly args: Readonly<Record<string, unknown>>
  readonly streamArgs?: readonly string[]
  readonly derived?: DerivedFacts
  readonly expect: ExpectedImage | { readonly error: { readonly stage: string; readonly message?: string } }
}

export interface DerivedFacts {
  readonly imageTag: string
  readonly imageName: string
  readonly confJson: string
  readonly storeLayers: readonly (readonly string[])[]
  readonly customisationLayer: string
  readonly baseJsonText: string
  readonly orderDependsOnHashSeed?: boolean
}

export interface ExpectedImage {
  readonly tarSha256: string
  readonly tarSize: number
  readonly stderr?: string
  readonly tarMembers: readonly TarRow[]
  readonly manifestJson: string
  readonly images: readonly {
    readonly config: string
    readonly configJson: string
    readonly imageId: string
    readonly layers: readonly ExpectedLayer[]
  }[]
}

export interface ExpectedLayer {
  readonly diffId: string
  readonly size: number
  readonly members: number
  readonly rows?: readonly TarRow[]
  readonly firstRows?: readonly TarRow[]
}

/** The cases of some functions in a folder with one folder a case, by name. */
export function readCases(folder: string, functions: readonly string[]): GoldenCase[] {
  if (!existsSync(folder)) return []
  return globSync('*/case.json', { cwd: folder })
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as GoldenCase)
    .filter((golden) => functions.includes(golden.function))
}

/** The listing of a recorded layer, one JSON object a line, as far as it is at hand. */
export function expectedListing(layer: ExpectedLayer, layersFolder: string): readonly string[] {
  const file = join(layersFolder, `${layer.diffId.replace('sha256:', '')}.jsonl.gz`)
  if (existsSync(file)) return gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n')
  return (layer.rows ?? layer.firstRows ?? []).map((row) => JSON.stringify(row))
}
