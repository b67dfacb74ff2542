/** Rows of docs/parity.md that no other test is about. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage, exportImage, mergeImages, type Recipe, streamLayeredImage } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { collectEvents, collectingSink } from '../support/collect.ts'
import { listTar } from '../support/list-tar.ts'
import { dockerFiles, tarOf } from '../support/make-image.ts'
import { makeTar } from '../support/make-tar.ts'
import { bodyOf, readImages } from '../support/read-image.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

const { onEvent, events } = collectEvents()
const OPTIONS = { stores: [], cacheDirectory: null, environment: {}, onEvent }

/** A folder with some files, by which local paths are found. */
async function makeFolder(files: Readonly<Record<string, string>>) {
  const temp = await makeTempDir('rows-')
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(temp.path, name, '..'), { recursive: true })
    writeFileSync(join(temp.path, name), text)
  }
  return { path: temp.path, options: { ...OPTIONS, baseDirectory: temp.path }, owner: temp }
}

async function bytesOf(recipe: Recipe, options: object): Promise<Buffer> {
  const sink = collectingSink()
  await recipe.writeTo(sink, options)
  return sink.bytes()
}

test('debug tells how paths are grouped, and changes nothing', async () => {
  const { options, owner } = await makeFolder({ 'root/file': 'text' })
  await using _owner = owner
  const args = { name: 'x', tag: '1', contents: './root' }
  const plain = await bytesOf(streamLayeredImage(args), options)
  const before = events.length
  assert.ok(plain.equals(await bytesOf(streamLayeredImage({ ...args, debug: true }), options)))
  const told = events.slice(before).flatMap((event) => (event.type === 'debug' ? [event.message] : []))
  assert.match(told[0] ?? '', /^\d+ paths in \d+ layers$/)
  assert.equal(events.slice(0, before).filter(({ type }) => type === 'debug').length, 0)
})

test('passthru and meta are kept, and there is no override', () => {
  const args = { name: 'x', passthru: { a: [1] }, meta: { description: 'd' } }
  const recipe = streamLayeredImage(args)
  assert.deepEqual(recipe.passthru, { a: [1] })
  assert.deepEqual(recipe.meta, { description: 'd' })
  assert.ok(!('a' in recipe), 'what is passed through is not a member of the recipe itself')
  for (const name of ['override', 'overrideDerivation', 'overrideAttrs']) assert.ok(!(name in recipe), name)
  const other = streamLayeredImage({ ...args, name: 'y' })
  assert.equal(other.imageName, 'y')
  assert.deepEqual(other.passthru, { a: [1] })
})

test('a recipe of buildImage has the outputs of the original as members', async () => {
  const { options, owner } = await makeFolder({ 'root/file': 'text' })
  await using _owner = owner
  const args = { name: 'x', tag: '7', copyToRoot: './root' }
  const recipe = buildImage(args)
  assert.deepEqual(recipe.buildArgs, args)
  assert.equal(await recipe.imageTag(options), '7')
  assert.match(await recipe.layer.outputPath(options), /^\/nix\/store\/\w{32}-docker-layer-x$/)
  const sink = collectingSink()
  await recipe.layer.writeTo(sink, options)
  assert.ok(listTar(sink.bytes()).members.some(({ row }) => row.name === './file'))
})

test('two archives of one file name are both merged', async () => {
  const { options, path, owner } = await makeFolder({ 'a/root/file': 'a', 'b/root/file': 'b' })
  await using _owner = owner
  for (const name of ['a', 'b']) {
    const image = buildImage({ name, tag: '1', copyToRoot: join(path, name, 'root') })
    writeFileSync(join(path, name, 'image.tar'), await bytesOf(image, options))
  }
  const images = readImages(
    await bytesOf(mergeImages({ images: [join(path, 'a/image.tar'), join(path, 'b/image.tar')] }), options),
  )
  assert.deepEqual(
    images.map(({ repoTags, files }) => [repoTags, bodyOf(files, 'file').toString()]),
    [
      [['a:1'], 'a'],
      [['b:1'], 'b'],
    ],
  )
})

test('two archives with other files of one name are not merged, as one would have the files of the other', async () => {
  const archive = (text: string): Buffer => tarOf(dockerFiles([{ tar: makeTar([{ name: text }]) }], [`image:${text}`]))
  const { options, path, owner } = await makeFolder({ 'none/file': '' })
  await using _owner = owner
  for (const name of ['a', 'b', 'c']) writeFileSync(join(path, `${name}.tar`), archive(name === 'c' ? 'a' : name))
  await assert.rejects(bytesOf(mergeImages({ images: ['./a.tar', './b.tar'] }), options), (error) => {
    assert.ok(error instanceof DockerToolsError)
    assert.equal(error.code, 'FORMAT_INVALID')
    const message = 'Cannot merge image "./b.tar": its "c.json" is another file than that of image "./a.tar"'
    assert.ok(error.message.startsWith(message), error.message)
    return true
  })
  const same = readImages(await bytesOf(mergeImages({ images: ['./a.tar', './c.tar'] }), options), false)
  assert.deepEqual(
    same.map(({ repoTags }) => repoTags),
    [['image:a']],
  )
})

test('exportImage is called as the original calls it, and its diskSize is checked', async () => {
  const fromImage = streamLayeredImage({ name: 'registry.example/team/base', tag: '1' })
  assert.equal(exportImage({ fromImage }).name, 'base')
  assert.equal(exportImage({ fromImage, name: 'root' }).name, 'root')
  const path = `/nix/store/${'0'.repeat(32)}-image.tar.gz`
  assert.equal(exportImage({ fromImage: path }).name, 'image.tar.gz')
  const small = await exportImage({ fromImage, diskSize: 1 }).writeTo(collectingSink(), OPTIONS)
  assert.equal(small, await exportImage({ fromImage }).writeTo(collectingSink(), OPTIONS))
  for (const diskSize of [-1, 0.5, '1']) {
    assert.throws(
      () => exportImage({ fromImage, diskSize: diskSize as number }),
      (error) =>
        error instanceof DockerToolsError && error.code === 'DEFINITION_INVALID' && /"diskSize"/.test(error.message),
    )
  }
})

test('exportImage keeps no extended attributes', async () => {
  const record = ' SCHILY.xattr.user.mime=text/plain\n'
  const layer = makeTar([
    { name: 'PaxHeaders/file', type: 'x' as '0', body: `${record.length + 2}${record}` },
    { name: 'file', body: 'text' },
  ])
  assert.ok(layer.includes('SCHILY.xattr'))
  const { options, path, owner } = await makeFolder({})
  await using _owner = owner
  writeFileSync(join(path, 'image.tar'), tarOf(dockerFiles([{ tar: layer }], ['x:1'])))
  const sink = collectingSink()
  await exportImage({ fromImage: './image.tar' }).writeTo(sink, options)
  const { members } = listTar(sink.bytes())
  assert.equal(members.find(({ row }) => row.name === './file')?.body.toString(), 'text')
  assert.ok(!sink.bytes().includes('xattr'))
})
