import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { BUSYBOX, needsRoot } from '../interop/needs.ts'
import { CHECKS } from '../parity/checks.ts'
import { type ExampleBuilds, openExampleBuilds } from '../parity/example-builds.ts'
import { type Lab, openLab } from '../parity/lab.ts'
import { readParityData } from '../../tools/parity-data.ts'
import { GOLDEN, ROOT, skipWithoutGolden } from '../support/places.ts'
import { bodyOf, filesOf, readImages } from '../support/read-image.ts'
import { IMAGE_EXAMPLES } from './nixpkgs-examples.ts'

const FOLDER = join(ROOT, 'examples/nixpkgs')
const NAMES: readonly string[] = [...Object.keys(IMAGE_EXAMPLES), 'exportBash']
const { assertions, examples } = readParityData(ROOT)

let builds: ExampleBuilds
before(async () => {
  builds = await openExampleBuilds()
})
after(async () => {
  await builds?.[Symbol.asyncDispose]()
})

suite('examples of the original', { concurrency: 2 }, () => {
  for (const [name, [repoTags, check]] of Object.entries(IMAGE_EXAMPLES)) {
    test(`${name} builds and shows what it is to show`, async () => {
      const images = readImages(await readFile(await builds.archive(name)))
      const tags = images.flatMap((image) => image.repoTags)
      assert.equal(tags.length, repoTags.length)
      for (const [index, tag] of repoTags.entries()) {
        if (typeof tag === 'string') assert.equal(tags[index], tag)
        else assert.match(tags[index] ?? '', tag)
      }
      const [first, ...more] = images
      assert.ok(first)
      check(first, ...more)
    })
  }

  test('exportBash builds and shows what it is to show', async () => {
    const files = new Map(filesOf(await readFile(await builds.result('exportBash'))))
    assert.ok(files.has('bin/bash'))
    assert.equal(bodyOf(files, 'bin/bash').toString('latin1', 0, 4), '\x7fELF')
  })
})

const PROGRAMS = [
  'dockerd',
  'docker',
  'docker-proxy',
  'runc',
  'unshare',
  'nsenter',
  'nix-store',
  'perl',
  'tar',
  BUSYBOX,
]

suite("assertions of the original's tests", { ...needsRoot(...PROGRAMS), concurrency: 4 }, () => {
  let lab: Lab
  before(async () => {
    lab = await openLab(builds)
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  for (const { id, says } of assertions) {
    test(`${id}: ${says}`, async () => {
      const check = CHECKS[id]
      assert.ok(check, `there is no check ${id}`)
      await check(lab)
    })
  }

  for (const { name } of examples.filter((example) => example.assertions.length === 0)) {
    test(`${name}, which the original only builds, is loaded`, async () => {
      await lab.image(name)
    })
  }
})

test(
  'every assertion that the original makes has a test of its number, and there are no others',
  skipWithoutGolden,
  () => {
    const text = readFileSync(join(GOLDEN, '../spec/dockertools.md'), 'utf8')
    const [, part = ''] = /^## G\. [^]*?\n([^]*?)^## H\./m.exec(text) ?? []
    const listed = part.split(/^### /m).flatMap((section) => {
      const [, letter = ''] = /^.*\(([A-Z])\)$/m.exec(section) ?? []
      const ids: string[] = []
      for (const [, number] of section.matchAll(/(?:^| )(\d+)\. /gm)) {
        if (Number(number) === ids.length + 1) ids.push(`${letter}${number}`)
      }
      return ids
    })
    assert.ok(listed.length > 70, `${listed.length} assertions`)
    assert.deepEqual(Object.keys(CHECKS).toSorted(), listed.toSorted())
    assert.deepEqual(assertions.map(({ id }) => id).toSorted(), listed.toSorted())
  },
)

test('there is a definition of every example, and none besides', () => {
  const files = globSync('*.ts', { cwd: FOLDER }).map((file) => basename(file, '.ts'))
  assert.deepEqual(files.toSorted(), NAMES.toSorted())
  assert.deepEqual(examples.map(({ name }) => name).toSorted(), NAMES.toSorted())
})

test('every example of the list of the original is here', skipWithoutGolden, () => {
  const text = readFileSync(join(GOLDEN, '../spec/dockertools.md'), 'utf8')
  const [, part = ''] = /^## F\. [^]*?\n([^]*?)^## G\./m.exec(text) ?? []
  const listed = [...part.matchAll(/^\| ([^|]+) \|/gm)]
    .flatMap(([, cell = '']) => cell.split(/ \/ |, | … /))
    .filter((name) => /^[a-z][\w-]+$/i.test(name) && name !== 'name')
  assert.ok(listed.length > 50, `${listed.length} examples`)
  for (const name of listed) assert.ok(NAMES.includes(name), name)
})

test('every example tells its command, and the table of examples tells the same', () => {
  const readMe = readFileSync(join(ROOT, 'examples/README.md'), 'utf8')
  for (const name of NAMES) {
    const source = readFileSync(join(FOLDER, `${name}.ts`), 'utf8')
    const commands = [...source.matchAll(/^ \* {5}(.*)$/gm)].map(([, line = '']) => line)
    const first = commands[0] ?? ''
    assert.match(first, new RegExp(`^npx dockertools (build|stream) examples/nixpkgs/${name}\\.ts `), name)
    // All images are streamed into an engine in the same way, which the table does not repeat.
    const shown = (/ build /.test(first) ? commands : commands.slice(1)).join(' && ').replaceAll('|', '\\|')
    const [, builtBy = ''] = /^(?:export default|function .*\n +return) (\w+)\(/m.exec(source) ?? []
    const row = readMe.split('\n').find((line) => line.startsWith(`| [\`${name}\`](nixpkgs/${name}.ts) |`)) ?? ''
    assert.ok(row.endsWith(`| \`${shown}\` |`), `${name} has no row with the command: ${shown}`)
    assert.ok(row.includes(`| \`${builtBy}\` |`), `${name} has no row with the function: ${builtBy}`)
  }
})
