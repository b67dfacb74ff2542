import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'
import { archiveOf, assertRecorded, type ImageCase, imageOptions, imageRecipe } from './image-case.ts'

const LAYERS = join(GOLDEN, 'layers')
const folder = join(GOLDEN, 'visible')
const cases = !existsSync(folder)
  ? []
  : globSync('*/case.json', { cwd: folder })
      .toSorted()
      .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as ImageCase)
      .filter((golden) => ['buildImage', 'mergeImages'].includes(golden.function))

/** Cases that are held against less than the whole archive, by what `golden/README.md` frees. */
const FREED = ['build-owner', 'build-owner2', 'build-base-multi', 'build-base-multi-default', 'merge-twice']
const NO_TAG = cases.filter((golden) => golden.function === 'buildImage' && (golden.args['tag'] ?? null) === null)

test('all recorded cases of images are here', skipWithoutGolden, () => {
  assert.equal(cases.length, 48)
})

for (const golden of cases) {
  if (FREED.includes(golden.case) || NO_TAG.includes(golden)) continue
  test(`${golden.function} gives what was recorded: ${golden.case}`, async () => {
    const recipe = imageRecipe(golden)
    const options = imageOptions(GOLDEN_STORE)
    assertRecorded(await archiveOf(recipe, options), golden, LAYERS)
    const { imageTag, layerClosure = [], layerPath } = golden.derived
    if (golden.function === 'mergeImages') return
    assert.equal(await recipe.imageTag(options), imageTag)
    const closure = layerClosure.filter((path) => path !== layerPath)
    assert.deepEqual(await recipe.layers(options), closure.length === 0 ? [] : [closure])
  })
}

for (const golden of NO_TAG) {
  test(`a tag that was not given is the hash part of the image's own path: ${golden.case}`, async () => {
    const recipe = imageRecipe(golden)
    const options = imageOptions(GOLDEN_STORE)
    const tag = await recipe.imageTag(options)
    assert.equal((await recipe.outputPath(options)).slice('/nix/store/'.length, '/nix/store/'.length + 32), tag)
    const recorded = golden.derived.imageTag ?? ''
    assert.equal(recorded.length, tag.length)
    const archive = await archiveOf(recipe, options)
    const named = withName(archive, tag, recorded)
    assertRecorded(named, golden, LAYERS)
  })
}

for (const golden of cases.filter(({ case: name }) => name.startsWith('build-owner'))) {
  test(`owners that are not root have no names: ${golden.case}`, async () => {
    const listing = listTar(await archiveOf(imageRecipe(golden), imageOptions(GOLDEN_STORE)))
    const [image] = golden.expect.images
    const layer = listing.members.find(({ row }) => typeof row.name === 'string' && row.name.endsWith('/layer.tar'))
    const rows = listTar(layer?.body ?? Buffer.alloc(0)).members.map(({ row }) => row)
    const wanted = image?.layers[0]?.rows ?? image?.layers[0]?.firstRows ?? []
    assert.ok(wanted.length > 0)
    const nameOf = (id: number): string => (id === 0 ? 'root' : '')
    assert.deepEqual(
      rows.slice(0, wanted.length),
      wanted.map((row) => ({ ...row, uname: nameOf(row.uid), gname: nameOf(row.gid) })),
    )
  })
}

for (const golden of cases.filter(({ case: name }) => name.startsWith('build-base-multi'))) {
  test(`the image that is named is the base: ${golden.case}`, async () => {
    const archive = await archiveOf(imageRecipe(golden), imageOptions(GOLDEN_STORE))
    const base = listTar(readFileSync(join(GOLDEN, 'bases/base-multi.tar')))
    const images = JSON.parse(memberNamed(base, 'manifest.json').body.toString()) as ManifestEntry[]
    const { fromImageName, fromImageTag } = golden.args
    const wanted =
      images.find((image) => image.RepoTags.includes(`${String(fromImageName)}:${String(fromImageTag)}`)) ?? images[0]
    const listing = listTar(archive)
    const [image] = JSON.parse(memberNamed(listing, 'manifest.json').body.toString()) as ManifestEntry[]
    assert.deepEqual(image?.Layers.slice(0, -1), wanted?.Layers)
    const own = image?.Layers.at(-1)?.replace('layer.tar', 'json') ?? ''
    const json = JSON.parse(memberNamed(listing, own).body.toString()) as { readonly parent: string }
    assert.equal(json.parent, wanted?.Config.replace('.json', ''))
  })
}

test('an image that is merged twice is there once', skipWithoutGolden, async () => {
  const golden = cases.find(({ case: name }) => name === 'merge-twice')
  assert.ok(golden !== undefined)
  const options = imageOptions(GOLDEN_STORE)
  const twice = await archiveOf(imageRecipe(golden), options)
  const images = golden.args['images'] as readonly string[]
  const once = await archiveOf(imageRecipe({ ...golden, args: { images: images.slice(0, 1) } }), options)
  assert.ok(twice.equals(once))
})

interface ManifestEntry {
  readonly Config: string
  readonly RepoTags: readonly string[]
  readonly Layers: readonly string[]
}

/** The archive with another tag; the checksums of the headers do not know of bodies. */
function withName(archive: Buffer, tag: string, recorded: string): Buffer {
  assert.ok(!isDeepStrictEqual(tag, recorded))
  return Buffer.from(archive.toString('latin1').replaceAll(tag, recorded), 'latin1')
}
