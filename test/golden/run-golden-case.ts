import assert from 'node:assert/strict'
import { buildLayeredImage, type Recipe, streamConf, streamLayeredImage, type WriteOptions } from '#docker-tools'
import { DockerToolsError, type ErrorCode } from '#errors'
import type { RunnerName } from '#runner'
import { describeEvent } from '../../src/cli/describe-event.ts'
import { encodeBaseJson } from '../../src/docker-tools/base-json.ts'
import { resolveBuildArgs } from '../../src/docker-tools/resolve-layered-args.ts'
import { collectEvents, collectingSink } from '../support/collect.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { GUEST_KERNEL } from '../support/run-jobs.ts'
import { assertSameArchive, assertSameLayers, manifestOf } from './compare-archives.ts'
import type { DerivedFacts, ExpectedImage, GoldenCase } from './golden-case.ts'
import { withRecordedNames } from './normalise-archive.ts'

/** Where a set of cases has its store and its listings. */
export interface GoldenPlaces {
  readonly store: string
  readonly layersFolder: string
}

/** Cases where we fail, and how. */
const REFUSALS: Readonly<Record<string, readonly [ErrorCode, RegExp]>> = {
  'conf-error-store-dir': [
    'DEFINITION_INVALID',
    /^Expecting absolute paths from \/gnu\/store, but got: \['\/nix\/store\/4jd20jc854cll94sg3j7jizi2yhywlal-libC-1\.0'\]$/,
  ],
  'conf-error-time': ['DEFINITION_INVALID', /"yesterday"/],
  'layered-error-compressor': [
    'DEFINITION_INVALID',
    /^in docker image layered: compressor must be one of: \[gz none zstd\]$/,
  ],
  'stream-error-extra-failing': ['SCRIPT_FAILED', /extraCommands.*exited with status 1/],
  // The older revision went on after a failure.
  'pop-fakeroot-failing': ['SCRIPT_FAILED', /fakeRootCommands.*exited with status 1/],
  'stream-error-fakeroot-failing': ['SCRIPT_FAILED', /fakeRootCommands.*exited with status 1/],
  'stream-error-max-1': ['LAYER_LIMIT', /must be greather than 1 \(current value: 1\)/],
  'stream-error-max-base': [
    'LAYER_LIMIT',
    /usedLayers 9 layers to store 'fromImage' and 'extraCommands', but only maxLayers=7 were allowed\. At least 1 layer is required to store contents/,
  ],
}

/**
 * Runs a case and holds what comes out against what was recorded.
 *
 * @returns The runners that its scripts ran with.
 */
export async function runGoldenCase(
  golden: GoldenCase,
  places: GoldenPlaces,
  runner?: RunnerName,
): Promise<ReadonlySet<string>> {
  const refusal = REFUSALS[golden.case]
  const { events, onEvent } = collectEvents()
  const options: WriteOptions = {
    stores: [places.store],
    checkSignatures: false,
    cacheDirectory: null,
    environment: {},
    ...(runner === undefined ? {} : { runner }),
    ...(GUEST_KERNEL === undefined ? {} : { vmKernel: GUEST_KERNEL }),
    onEvent,
  }
  const ran = (): ReadonlySet<string> =>
    new Set(events.flatMap((event) => (event.type === 'runner' ? [event.runner] : [])))
  if (refusal !== undefined) {
    await assertRefused(golden, options, refusal)
    return ran()
  }
  const stderr = (): string =>
    events
      .map((event) =>
        event.type === 'progress' || event.type === 'script-output' || event.type === 'runner'
          ? ''
          : describeEvent(event),
      )
      .join('')
  if (golden.function === 'streamFromConf') {
    const expected = imageOf(golden)
    assertSameArchive(await archiveOfConf(golden, options), expected, places.layersFolder)
    assert.equal(stderr(), expected.stderr)
    return ran()
  }
  const recipe = recipeOf(golden)
  const { derived } = golden
  assert.ok(derived !== undefined)
  const archive = await writeRecipe(recipe, golden, options)
  if (golden.case === 'stream-error-base-env-null') {
    assertMendedEnv(archive, derived)
    return ran()
  }
  const expected = imageOf(golden)
  const order = derived.orderDependsOnHashSeed === true ? 'in any order' : 'in order'
  const own = await ownNames(recipe, archive, options)
  if (order === 'in any order') {
    assertSameLayers(listTar(archive), expected, places.layersFolder, order)
    assert.deepEqual(sets(await recipe.layers(options)), sets(derived.storeLayers))
  } else {
    const owner = golden.function === 'buildLayeredImage' ? 'sandbox' : 'root'
    assertSameArchive(withRecordedNames(archive, own, derived, owner), expected, places.layersFolder)
    // All that follows runs the scripts again, and says nothing of the runner.
    if (runner !== undefined) return ran()
    assert.deepEqual(await recipe.layers(options), derived.storeLayers)
    await assertSameConf(recipe, golden, own, options)
    if (golden.function === 'streamLayeredImage')
      assert.equal(upstreamLines(stderr()), upstreamLines(expected.stderr ?? ''))
  }
  assert.equal(recipe.imageName, derived.imageName)
  const { compressor: _, ...args } = callArgs(golden)
  assert.equal(encodeBaseJson(resolveBuildArgs('buildLayeredImage', args)), derived.baseJsonText)
  return ran()
}

async function assertRefused(
  golden: GoldenCase,
  options: WriteOptions,
  [code, message]: readonly [ErrorCode, RegExp],
): Promise<void> {
  await assert.rejects(
    async () => {
      if (golden.function === 'streamFromConf') await archiveOfConf(golden, options)
      else await writeRecipe(recipeOf(golden), golden, options)
    },
    (error) => {
      assert.ok(error instanceof DockerToolsError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    },
  )
}

async function archiveOfConf(golden: GoldenCase, options: WriteOptions): Promise<Buffer> {
  const sink = collectingSink()
  await streamConf(JSON.stringify(golden.args['conf']), sink, options)
  return sink.bytes()
}

/** The arguments as the README's table says: with the layering they were recorded with, and the file time of the old revision. */
function callArgs(golden: GoldenCase): Readonly<Record<string, unknown>> {
  const created = golden.args['created']
  return {
    ...golden.args,
    architecture: golden.args['architecture'] ?? 'amd64',
    ...(golden.layering === 'auto' || golden.layering === 'popularity' ? { layering: golden.layering } : {}),
    ...(golden.layering === 'popularity' && created !== undefined ? { mtime: created } : {}),
  }
}

function recipeOf(golden: GoldenCase): Recipe {
  const args = callArgs(golden)
  return golden.function === 'buildLayeredImage' ? buildLayeredImage(args as never) : streamLayeredImage(args as never)
}

async function writeRecipe(recipe: Recipe, golden: GoldenCase, options: WriteOptions): Promise<Buffer> {
  const sink = collectingSink()
  const repoTag = golden.streamArgs?.[1]
  await recipe.writeTo(sink, { ...options, ...(repoTag === undefined ? {} : { repoTag }) })
  return sink.bytes()
}

async function ownNames(
  recipe: Recipe,
  archive: Buffer,
  options: WriteOptions,
): Promise<{ customisation: string; tag: string }> {
  const listing = listTar(archive)
  const config = memberNamed(listing, manifestOf(listing).config).body.toString()
  const { history } = JSON.parse(config) as { readonly history: readonly { readonly comment: string }[] }
  const [, customisation = ''] =
    /^store paths: \['(\/nix\/store\/[0-9a-z]{32}-[^/]+-customisation-layer)'\]$/.exec(history.at(-1)?.comment ?? '') ??
    []
  return { customisation, tag: await recipe.imageTag(options) }
}

async function assertSameConf(
  recipe: Recipe,
  golden: GoldenCase,
  own: { readonly customisation: string; readonly tag: string },
  options: WriteOptions,
): Promise<void> {
  const { derived } = golden
  assert.ok(derived !== undefined)
  const { text } = await recipe.conf(options)
  const named = text
    .replace(own.customisation, derived.customisationLayer)
    .replace(`:${own.tag}"`, `:${derived.imageTag}"`)
  if (golden.layering !== 'popularity') {
    assert.equal(named, derived.confJson, 'conf')
    return
  }
  // The older revision has no mtime: files have the time of the image.
  const [, created] = /^ {2}"created": (.*),$/m.exec(named) ?? []
  assert.ok(named.includes(`  "mtime": ${created},\n`), 'mtime is created')
  assert.equal(named.replace(`  "mtime": ${created},\n`, ''), derived.confJson, 'conf')
}

/** What upstream's stream says; the customisation layer is made before it, and has messages of its own. */
function upstreamLines(text: string): string {
  const own = /^(warning \(|extraCommands|fakeRootCommands|Generating the nix database)/
  return text
    .split('\n')
    .filter((line) => !own.test(line))
    .join('\n')
}

/** Upstream fails on a base image whose environment is null; here it is an empty one. */
function assertMendedEnv(archive: Buffer, derived: DerivedFacts): void {
  const listing = listTar(archive)
  const { config, layers } = manifestOf(listing)
  const parsed = JSON.parse(memberNamed(listing, config).body.toString()) as { readonly config: object }
  assert.deepEqual(parsed.config, {})
  assert.equal(listing.hasEndMarker, true)
  assert.ok(layers.length > derived.storeLayers.length + 1, 'the layers of the base image are there')
}

function imageOf(golden: GoldenCase): ExpectedImage {
  assert.ok(!('error' in golden.expect), 'upstream fails here')
  return golden.expect
}

function sets(layers: readonly (readonly string[])[]): readonly string[] {
  return layers.map((paths) => paths.toSorted().join(' ')).toSorted()
}
